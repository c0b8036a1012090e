//go:build namedshm_nopoller

package kernel

// needPoller does nothing in the C library, whose runtime has a poller without descriptors.
func needPoller() error { return nil }

//go:build unix && !linux && !aix

package kernel

// vouch does nothing: these systems show every user by its own number.
func vouch(int) error { return nil }

func (p *place) unsigned(int) string { return "" }

func vouched(int) bool { return true }

func opensTo(int) bool { return true }

//go:build arm64 && !purego && !race && !namedshm_steps

package conduit

// fenceStores keeps what is stored before it before what is stored after it.
func fenceStores()

// fenceLoads keeps what is loaded before it before what is loaded after it.
func fenceLoads()

//go:build amd64 && !purego && !race && !namedshm_steps

package conduit

// fenceStores keeps what is stored before it before what is stored after it, and fenceLoads does so for loads. The
// processor does.
func fenceStores() {}
func fenceLoads()  {}

//go:build arm64 && !purego && !race && !namedshm_steps

#include "textflag.h"

// func fenceStores()
TEXT ·fenceStores(SB), NOSPLIT, $0-0
	DMB $0xa // ISHST
	RET

// func fenceLoads()
TEXT ·fenceLoads(SB), NOSPLIT, $0-0
	DMB $0x9 // ISHLD
	RET

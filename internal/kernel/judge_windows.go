package kernel

func judgeShared(string, uintptr) error { return nil }

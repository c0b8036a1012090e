package kernel

// JudgeShared returns why an open directory must not be used for what programs share: others could replace what is in
// it.
func JudgeShared(path string, fd uintptr) error { return judgeShared(path, fd) }

package kernel

// buryObjects finds nothing: the kernel closes the handles of the dead.
func buryObjects(Namespace) ([]Burial, error) { return nil, nil }
func buryElsewhere() ([]Burial, error)        { return nil, nil }

package waiting

func setMannerOf(variable string) {
	switch variable {
	case "futex":
		SetManner(OneFutex)
	case "poll":
		SetManner(Naps)
	}
}

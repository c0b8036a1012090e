package kernel

// Setup is what SetupGlobal did.
type Setup struct {
	Directory string   // the Global directory; "" if the platform has none
	Mode      string   // its octal mode
	Group     string   // the group whose members may create Global names; "" if only root may
	Gained    string   // the group that can create Global names now and could not before; "" for none
	Lost      string   // the group that could before and no longer can; "" for none
	Aside     []string // where things in the way were moved to
	Persist   []string // lines that make it again at every boot; the first is the file they belong into
	Transient string   // why there are no such lines; "" if there are
	Warning   string   // what is wrong all the same; "" for nothing
}

// SetupGlobal makes the Global directory, for a group if one is named. Only root can. With an error the result says
// what was done before: Lost and Aside.
func SetupGlobal(group string) (Setup, error) { return setupGlobal(group) }

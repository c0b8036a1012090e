// Package wine lets native Linux programs share memory with Windows programs that run under Wine or Proton, by name and
// without copying: the views of both are the same pages.
//
// A Windows program's section lives in a prefix: one wineserver process and the programs that it serves. [Prefixes]
// finds the running prefixes; [Prefix.Sections] lists the named sections of one, [Prefix.Open] attaches to one of them,
// which gives a [namedshm.Section], [Prefix.Publish] gives a native section a Windows name there, and [Follow] keeps up
// with a Windows program that comes and goes:
//
//	for change := range wine.Follow(ctx, wine.Target{Name: `Local\acpmf_physics`}) {
//		switch change.Kind {
//		case wine.Attached, wine.Replaced:
//			view, err = change.Attachment.Section.Map(0, 0, namedshm.Read)
//		case wine.Gone:
//			// the view still shows the last bytes
//		}
//	}
//
// Names are known only inside a prefix. So a helper, a Windows program of 180 bytes of machine code that this package
// writes itself, is started there for each question, by the prefix's own Wine and connected to its own wineserver. It
// opens a section, maps it, closes its handle, and the kernel says which file the view maps; that file, by device and
// inode, is then opened through the wineserver's descriptors. Nothing is installed in the prefix, nothing is written
// into a section, no name is kept alive, and when this process ends, however it ends, so does the helper.
//
// Only prefixes of the same user can be reached, and nothing that another user could have created or changed is
// executed: docs/wine.md says what is required of a wineserver, its directories and its wine program. On systems other
// than Linux on x86-64 every call fails with an error that matches [errors.ErrUnsupported].
package wine

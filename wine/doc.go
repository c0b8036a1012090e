// Package wine lets native Linux programs share memory with Windows programs that run under Wine or Proton, by name and
// with no copy: the views of both are the same pages.
//
// A Windows program's section lives in a prefix: one wineserver process and the programs that it serves. [Prefixes] finds
// the prefixes that run now; [Prefix.Sections] lists the named sections of one, [Prefix.Open] gives one of them as a
// [namedshm.Section], [Prefix.Publish] gives a native section a Windows name there, and [Follow] keeps up with a Windows
// program that comes and goes:
//
//	for event := range wine.Follow(ctx, wine.Target{Name: `Local\acpmf_physics`}) {
//		switch event.Kind {
//		case wine.Attached, wine.Replaced:
//			view, err = event.Section.Map(0, 0, namedshm.Read)
//		case wine.Gone:
//			// the view still shows the last bytes
//		}
//	}
//
// Names are known only inside a prefix. So a helper, a Windows program of 180 bytes of machine code that this package
// writes itself, is started there for as long as a question takes, by the prefix's own Wine and connected to its own
// wineserver. It opens a section, maps it, closes its handle, and the kernel says which file the view is of; that file,
// by device and inode, is then opened through the wineserver's descriptors. Nothing is installed in the prefix, nothing is
// written into a section, no name is kept alive, and when this process ends in whatever way, so does the helper.
//
// Only prefixes of the same user can be reached. On other systems than Linux on x86-64 every call fails with an error that
// matches [errors.ErrUnsupported].
package wine

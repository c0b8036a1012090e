//go:build unix && !aix

package kernel

// backing is where the memory comes from, and how another process reaches it.
type backing interface {
	id() backingID
	nature() nature
	// create makes zeroed memory. It fills in what the header must say for others to reach it.
	create(p *place, spec *Spec, access Access, h *header) (memory, error)
	// reach makes sure that an object is alive, and opens its memory. It returns errDead if the object is dead, and an
	// *again if nothing led to the memory just now.
	reach(p *place, e *entry, access Access) (memory, error)
	// dead reports whether the memory is gone for good. A lock that somebody left cannot change that.
	dead(e *entry) bool
	// entryFile makes the entry for new memory, unpublished and still empty, with its final mode.
	entryFile(p *place, h *header, m memory) (*entry, error)
	// bury removes an entry that seemed dead, if it is. FileNotFound means that it was removed, now or before.
	bury(p *place, e *entry) error
	// buryIfLast is called on a handle's entry after its own lock was dropped: it removes the entry if that was the
	// last lock.
	buryIfLast(p *place, e *entry)
	// openFlags is the access mode in which an opener of the object opens the entry.
	openFlags() int
	// makeSeats makes the file in which the handles of a new waitable object lock their seats; publishSeats lets others
	// find it, openSeats finds it, and removeSeats removes it with the entry. It is the entry or the memory itself
	// where those who may wait are exactly those who may write that.
	makeSeats(e *entry, m memory) (*entry, error)
	publishSeats(e, seats *entry) error
	openSeats(e *entry, m memory) (*entry, error)
	removeSeats(e *entry)
	// sweep removes what a crash left besides entries, and returns what that was.
	sweep(p *place) []Burial
	// tryReach makes the calls that reach needs, for memory that does not exist. Its error says which of them a filter
	// of system calls forbids.
	tryReach() error
	// mappedAs returns how the memory of an open entry appears among a process's mappings.
	mappedAs(e *entry) mappingKey
	// describe adds to a sighting what the open entry tells: holders, memory in use.
	describe(e *entry, s *sighting)
	// survey fills in what is cheaper to learn for many sightings at once. It fails only when out of resources.
	survey(p *place, found []*sighting) error
}

// nature is how the kinds of memory differ, as far as the rest of the package has to know.
type nature struct {
	byDescriptor bool     // it is reached by a holder's descriptor, so it may be any file: the user's, or Wine's
	namespaced   bool     // the kernel's namespaces divide it, and therefore the directories with its entries too
	locksTell    bool     // an object is alive exactly while its entry is locked: the header is not needed to tell
	handleMaps   bool     // a handle is itself a mapping of the memory
	insideEntry  bool     // it is in the entry's own file: without an entry there is no memory
	fragile      bool     // a user who may write its file can make it shorter, and an access then faults
	controlFiles []string // the lock files that a Global directory needs
}

// mappingKey identifies memory in a list of mappings.
type mappingKey struct {
	name   string // of the mapped file, or the beginning of it
	number uint64 // its inode, where the name is not enough
}

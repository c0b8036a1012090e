package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// placeKey is everything that a place depends on and that may change while a process runs.
type placeKey struct {
	root string
	euid int
	file bool
}

type knownPlaces struct {
	key           placeKey
	local, global *place
}

// placeOf returns the place of a namespace. An unnamed object has none, but has memory as in Local, which needs no
// directory unless it is a file.
func placeOf(n Namespace) (*place, error) {
	known, set, err := placesNow()
	if err != nil {
		return nil, err
	}
	if isRelative(set) && (n != Unnamed || known.key.file) {
		return nil, wrongRoot(set)
	}
	if n == Global {
		return known.global, nil
	}
	return known.local, nil
}

// placesNow returns both places according to the current variables. set is the value of RootVariable, which is read
// once. If it is relative nothing must be made or looked for there.
func placesNow() (known *knownPlaces, set string, err error) {
	if err := needPoller(); err != nil {
		return nil, "", err
	}
	backing := setting(BackingVariable)
	if err := checkBackingVariable(backing); err != nil {
		return nil, "", err
	}
	set = setting(RootVariable)
	key := placeKey{rootOf(set), unix.Geteuid(), backing != ""}
	if known = placesOf(key); known != nil {
		return known, set, nil
	}
	session, err := sessionOf()
	if err != nil {
		return nil, "", err
	}
	known, err = newPlaces(key, session)
	return known, set, err
}

// newPlaces makes the places of a key, and remembers them. If it cannot tell yet to whom the directory above belongs,
// which their names depend on, it looks again the next time.
func newPlaces(key placeKey, session namespaces) (*knownPlaces, error) {
	users, err := usersOf(session.user)
	if err != nil {
		return nil, err
	}
	var parent unix.Stat_t
	if session.user != initialUserNamespace {
		err = unix.Stat(key.root, &parent)
	}
	known := placesSeenBy(users, &parent, key, session)
	if err == nil {
		known.remember()
	}
	return known, nil
}

func placesSeenBy(users userMap, parent *unix.Stat_t, key placeKey, session namespaces) *knownPlaces {
	suffix := users.localSuffix(key.root, parent, key.euid)
	if key.file {
		local, global := filePlaces(key.root, key.euid)
		local.dir += suffix
		return &knownPlaces{key, local.seenBy(users, parent), global.seenBy(users, parent)}
	}
	local := below(key.root, fmt.Sprintf("namedshm-u%d-p%s", key.euid, session.pid))
	if session.user != initialUserNamespace {
		local += "-n" + session.user
	}
	global := below(key.root, "namedshm-global-i"+session.ipc)
	return &knownPlaces{key,
		newPlace(Local, local+suffix, key.euid, memfdBacking{}, ofdLocks{slots: true}).seenBy(users, parent),
		newPlace(Global, global, key.euid, sysvBacking{}, ofdLocks{}).seenBy(users, parent),
	}
}

//go:build unix && !linux && !aix

package kernel

import "golang.org/x/sys/unix"

// placeKey is everything that a place depends on and that may change while a process runs.
type placeKey struct {
	root string
	euid int
}

type knownPlaces struct {
	key           placeKey
	local, global *place
}

// placeOf returns the place of a namespace. An unnamed object is a file of the Local one.
func placeOf(n Namespace) (*place, error) {
	known, set, err := placesNow()
	switch {
	case err != nil:
		return nil, err
	case isRelative(set):
		return nil, wrongRoot(set)
	case n == Global:
		return known.global, nil
	}
	return known.local, nil
}

// placesNow returns both places according to the current variable. set is its value, which is read once. If it is
// relative nothing must be made or looked for there.
func placesNow() (known *knownPlaces, set string, err error) {
	set = setting(RootVariable)
	key := placeKey{rootOf(set), unix.Geteuid()}
	if known = placesOf(key); known == nil {
		local, global := filePlaces(key.root, key.euid)
		known = &knownPlaces{key, local, global}
		known.remember()
	}
	return known, set, nil
}

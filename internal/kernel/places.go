//go:build unix && !aix

package kernel

import (
	"sync"
	"sync/atomic"
)

// lastPlaces are the places of the last call. allPlaces are those of every root so far, by their key: a place holds its
// directory open, so a root that comes back gets the same one.
var (
	lastPlaces atomic.Pointer[knownPlaces]
	allPlaces  sync.Map
)

// placesOf returns the places of a key, nil if there are none yet.
func placesOf(key placeKey) *knownPlaces {
	if known := lastPlaces.Load(); known != nil && known.key == key {
		return known
	}
	before, ok := allPlaces.Load(key)
	if !ok {
		return nil
	}
	known := before.(*knownPlaces)
	lastPlaces.Store(known)
	return known
}

func (k *knownPlaces) remember() {
	allPlaces.Store(k.key, k)
	lastPlaces.Store(k)
}

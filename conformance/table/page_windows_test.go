package table

import (
	"fmt"
	"reflect"

	"golang.org/x/sys/windows"
)

// underWine reports that the system is not Windows itself.
func underWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func mayUseGlobal() bool { return true }

func newRoot() (string, error) { return "", nil }

// pageProtection is what the system says of the pages at an address.
func pageProtection(at uint64) (string, error) {
	var region windows.MemoryBasicInformation
	if err := windows.VirtualQuery(uintptr(at), &region, reflect.TypeOf(region).Size()); err != nil {
		return "", err
	}
	for name, p := range protections {
		if uint32(p) == region.Protect {
			return name, nil
		}
	}
	return fmt.Sprintf("%#x", region.Protect), nil
}

package win32_test

import (
	"slices"
	"testing"

	"github.com/namedshm/namedshm/win32"
)

// TestWrittenPagesAreTold: for a copy-on-write view VirtualQuery distinguishes the pages that a write has made private
// from the shared ones, up to the view's end.
func TestWrittenPagesAreTold(t *testing.T) {
	const page, pages = 4096, 16
	h, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, pages*page, nil)
	section := closes(t, h, err)
	at := mapView(t, section, win32.FILE_MAP_COPY)
	memory := win32.Bytes(at, pages*page)
	for _, i := range []int{0, 3, 4, 15} {
		memory[i*page] = 1
	}
	_ = memory[8*page] // which is not to write
	const shared, own = win32.PAGE_WRITECOPY, win32.PAGE_READWRITE
	want := [][2]uint32{{1, own}, {2, shared}, {2, own}, {10, shared}, {1, own}}
	if got := regions(t, at, pages*page); !slices.Equal(got, want) {
		t.Errorf("the view has %v, want %v", got, want)
	}
	var old uint32
	if err := win32.VirtualProtect(at+4*page, 2*page, win32.PAGE_READONLY, &old); err != nil || old != own {
		t.Errorf("%#x, %v", old, err)
	}
	want = [][2]uint32{{1, own}, {2, shared}, {1, own}, {2, win32.PAGE_READONLY}, {9, shared}, {1, own}}
	if got := regions(t, at, pages*page); !slices.Equal(got, want) {
		t.Errorf("the view has %v, want %v", got, want)
	}
	if err := win32.VirtualProtect(at+4*page, 2*page, win32.PAGE_WRITECOPY, &old); err != nil ||
		old != win32.PAGE_READONLY {
		t.Errorf("%#x, %v", old, err)
	}
	want = [][2]uint32{{1, own}, {2, shared}, {2, own}, {10, shared}, {1, own}}
	if got := regions(t, at, pages*page); !slices.Equal(got, want) {
		t.Errorf("the view has %v, want %v", got, want)
	}
}

package win32_test

import (
	"fmt"
	"log"

	"github.com/namedshm/namedshm/win32"
)

// Two programs share a message. The second is any process of the same user: it knows nothing but the name.
func Example() {
	const size = 256
	name, err := win32.UTF16PtrFromString(`Local\ExampleWin32`)
	if err != nil {
		log.Fatal(err)
	}
	first, err := win32.CreateFileMapping(win32.InvalidHandle, nil, win32.PAGE_READWRITE, 0, size, name)
	if err != nil {
		log.Fatal(err)
	}
	written, err := win32.MapViewOfFile(first, win32.FILE_MAP_ALL_ACCESS, 0, 0, size)
	if err != nil {
		log.Fatal(err)
	}
	copy(win32.Bytes(written, size), "Message from first process.")

	second, err := win32.OpenFileMapping(win32.FILE_MAP_READ, false, name)
	if err != nil {
		log.Fatal(err)
	}
	read, err := win32.MapViewOfFile(second, win32.FILE_MAP_READ, 0, 0, size)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", win32.Bytes(read, 27))

	for _, addr := range []uintptr{written, read} {
		win32.UnmapViewOfFile(addr)
	}
	for _, h := range []win32.Handle{first, second} {
		win32.CloseHandle(h)
	}
	_, err = win32.OpenFileMapping(win32.FILE_MAP_READ, false, name)
	fmt.Println(err == win32.ERROR_FILE_NOT_FOUND)
	// Output:
	// Message from first process.
	// true
}

func ExampleCreateMutex() {
	name, err := win32.UTF16PtrFromString(`Local\ExampleCreateMutex`)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		h, err := win32.CreateMutex(nil, false, name)
		// A handle and an error: it was there already.
		fmt.Println(h != 0, err == win32.ERROR_ALREADY_EXISTS)
		defer win32.CloseHandle(h)
	}
	// Output:
	// true false
	// true true
}

func ExampleWaitForSingleObject() {
	event, err := win32.CreateEvent(nil, 0, 1, nil) // auto-reset, set
	if err != nil {
		log.Fatal(err)
	}
	defer win32.CloseHandle(event)
	for range 2 {
		switch what, err := win32.WaitForSingleObject(event, 0); what {
		case win32.WAIT_OBJECT_0:
			fmt.Println("it was set")
		case uint32(win32.WAIT_TIMEOUT):
			fmt.Println("it is not set")
		default:
			log.Fatal(err)
		}
	}
	// Output:
	// it was set
	// it is not set
}

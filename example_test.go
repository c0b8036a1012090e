package namedshm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"sync/atomic"
	"time"

	"github.com/namedshm/namedshm"
)

func ExampleCreate() {
	s, err := namedshm.Create(`Local\ExampleCreate`, 256, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println("created", s.Name(), "for", s.Access())

	// A second one of that name is refused: OpenOrCreate takes what is there.
	_, err = namedshm.Create(`Local\ExampleCreate`, 256, namedshm.ReadWrite)
	fmt.Println(errors.Is(err, fs.ErrExist), errors.Is(err, namedshm.ErrAlreadyExists))
	// Output:
	// created Local\ExampleCreate for read|write
	// true true
}

func ExampleOpen() {
	s, err := namedshm.Create(`Local\ExampleOpen`, 256, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	v, err := s.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	copy(v.Bytes(), "Message from first process.")

	// Another process would do this.
	o, err := namedshm.Open("ExampleOpen", namedshm.Read) // a name without prefix is a Local one
	if err != nil {
		log.Fatal(err)
	}
	w, err := o.Map(0, 27, namedshm.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	fmt.Printf("%s\n", w.Bytes())

	// The name goes with the last handle; views go on.
	o.Close()
	s.Close()
	_, err = namedshm.Open("ExampleOpen", namedshm.Read)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	fmt.Printf("%s\n", w.Bytes()[:7])
	// Output:
	// Message from first process.
	// true
	// Message
}

func ExampleOpenOrCreate() {
	for range 2 {
		s, created, err := namedshm.OpenOrCreate(`Local\ExampleOpenOrCreate`, 4096, namedshm.ReadWrite)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		fmt.Println("created:", created)
	}
	// Output:
	// created: true
	// created: false
}

func ExampleSection_Map() {
	s, err := namedshm.Create("", 3*65536, namedshm.ReadWrite) // no name: for this process alone
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	whole, err := s.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer whole.Close()
	tail, err := s.Map(2*65536, 0, namedshm.Read) // to the end
	if err != nil {
		log.Fatal(err)
	}
	defer tail.Close()
	whole.Bytes()[2*65536] = 42
	fmt.Println(tail.Len(), "bytes, the first is", tail.Bytes()[0])

	_, err = s.Map(4096, 0, namedshm.Read)
	fmt.Println(errors.Is(err, namedshm.ErrMappedAlignment))
	// Output:
	// 65536 bytes, the first is 42
	// true
}

func ExampleAt() {
	type counters struct {
		Started, Ended atomic.Int64
	}
	s, err := namedshm.Create("", 4096, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	v, err := s.Map(0, 0, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close() // and so v is kept, as long as c is used
	c, err := namedshm.At[counters](v, 0)
	if err != nil {
		log.Fatal(err)
	}
	c.Started.Add(3)
	c.Ended.Add(2)
	fmt.Println(c.Started.Load() - c.Ended.Load())

	_, err = namedshm.At[*counters](v, 0) // an address means nothing in another process
	fmt.Println(errors.Is(err, namedshm.ErrInvalidParameter))
	// Output:
	// 1
	// true
}

func ExampleList() {
	s, err := namedshm.Create(`Local\ExampleList`, 10000, namedshm.ReadWrite)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	objects, err := namedshm.List(namedshm.LocalNamespace)
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range objects {
		if o.Name == `Local\ExampleList` {
			fmt.Println(o.Name, "is a", o.Kind, "of", o.Size, "bytes")
		}
	}
	// Output:
	// Local\ExampleList is a section of 12288 bytes
}

func ExampleWaitOpen() {
	opened := make(chan struct{})
	go func() { // another process
		s, err := namedshm.Create(`Local\ExampleWaitOpen`, 4096, namedshm.ReadWrite)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		<-opened
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := namedshm.WaitOpen(ctx, `Local\ExampleWaitOpen`, namedshm.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	close(opened)
	fmt.Println("it is there:", s.Size())

	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = namedshm.WaitOpen(short, `Local\ExampleNeverMade`, namedshm.Read)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// it is there: 4096
	// true
}

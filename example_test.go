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
	"github.com/namedshm/namedshm/inspect"
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
	objects, err := inspect.List(namedshm.Local)
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

// The two processes of the title page, and nobody has to press a key: the second waits until the first has written.
func ExampleEvent() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	read := make(chan struct{})
	go func() { // the first process
		s, err := namedshm.Create(`Local\ExampleEvent`, 256, namedshm.ReadWrite)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		written, err := namedshm.CreateEvent(`Local\ExampleEvent-written`, namedshm.ManualReset, false)
		if err != nil {
			log.Fatal(err)
		}
		defer written.Close()
		v, err := s.Map(0, 0, namedshm.ReadWrite)
		if err != nil {
			log.Fatal(err)
		}
		defer v.Close()
		copy(v.Bytes(), "Message from first process.")
		if err := written.Set(); err != nil {
			log.Fatal(err)
		}
		<-read // hold it for the second
	}()

	// The second process may begin before the first: it waits for the event's name too.
	written, err := namedshm.WaitOpenEvent(ctx, `Local\ExampleEvent-written`, namedshm.Synchronize)
	if err != nil {
		log.Fatal(err)
	}
	defer written.Close()
	if err := written.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	s, err := namedshm.Open(`Local\ExampleEvent`, namedshm.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	v, err := s.Map(0, 27, namedshm.Read)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	fmt.Printf("%s\n", v.Bytes())
	close(read)
	// Output:
	// Message from first process.
}

func ExampleMutex() {
	m, err := namedshm.CreateMutex(`Local\ExampleMutex`, false)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	abandoned, err := m.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("locked, abandoned:", abandoned)

	// The owner is the handle. Another handle, as another process has it, must wait.
	other, err := namedshm.OpenMutex(`Local\ExampleMutex`, namedshm.Synchronize)
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	locked, _, err := other.TryLock()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the other locks it:", locked)
	fmt.Println("the other unlocks it:", errors.Is(other.Unlock(), namedshm.ErrNotOwner))

	// An owner that ends without unlocking, as a killed process does, leaves it to the next owner, whose Lock reports
	// it.
	m.Close()
	abandoned, err = other.Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer other.Unlock()
	fmt.Println("locked, abandoned:", abandoned)
	// Output:
	// locked, abandoned: false
	// the other locks it: false
	// the other unlocks it: true
	// locked, abandoned: true
}

func ExampleSemaphore() {
	s, err := namedshm.CreateSemaphore(`Local\ExampleSemaphore`, 2, 2) // two may work at a time
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		taken, err := s.TryWait()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("taken:", taken)
	}
	previous, err := s.Release(2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the count was", previous)

	_, err = s.Release(1) // more than were taken
	fmt.Println(errors.Is(err, namedshm.ErrTooManyPosts))
	// Output:
	// taken: true
	// taken: true
	// taken: false
	// the count was 0
	// true
}

func ExampleWaitAny() {
	work, err := namedshm.CreateSemaphore(`Local\ExampleWaitAny-work`, 2, 100)
	if err != nil {
		log.Fatal(err)
	}
	defer work.Close()
	stop, err := namedshm.CreateEvent(`Local\ExampleWaitAny-stop`, namedshm.ManualReset, false)
	if err != nil {
		log.Fatal(err)
	}
	defer stop.Close()
	for done := 1; ; done++ {
		// If several are signaled it acquires the first, and changes no other.
		outcome, err := namedshm.WaitAny(context.Background(), stop, work)
		if err != nil {
			log.Fatal(err)
		}
		if outcome.Index == 0 {
			fmt.Println("told to stop")
			break
		}
		fmt.Println("work", done)
		if done == 2 {
			stop.Set() // another process would
		}
	}
	// Output:
	// work 1
	// work 2
	// told to stop
}

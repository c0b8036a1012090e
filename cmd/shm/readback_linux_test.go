package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"github.com/namedshm/namedshm"
	"github.com/namedshm/namedshm/inspect"
	"github.com/namedshm/namedshm/upkeep"
)

// TestAProgramReadsIt: what shm ls and shm stat print with --json is what package inspect describes, read back by the
// same types; of an event, mutex or semaphore without the memory that its state is in. So is what shm gc prints.
func TestAProgramReadsIt(t *testing.T) {
	isolate(t)
	s, errS := namedshm.Create("Section", 5000, namedshm.ReadWrite, namedshm.WithProtection(namedshm.PageExecuteReadWrite))
	a, errA := namedshm.CreateEvent("Auto", namedshm.AutoReset, true)
	b, errB := namedshm.CreateEvent("Manual\u202e", namedshm.ManualReset, false)
	m, errM := namedshm.CreateMutex("Mutex", true)
	n, errN := namedshm.CreateSemaphore("Semaphore", 2, 5)
	if err := errors.Join(errS, errA, errB, errM, errN); err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{s, a, b, m, n} {
		defer c.Close()
	}
	v, err := s.Map(0, 0, namedshm.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want, err := inspect.List(namedshm.Local)
	if err != nil || len(want) != 5 {
		t.Fatal(want, err)
	}
	for i := range want {
		if info := &want[i]; info.Kind != inspect.KindSection {
			info.Size, info.Access, info.Protection, info.Views, info.Resident = 0, 0, 0, 0, 0
			for j := range info.Holders {
				info.Holders[j].Views = 0
			}
		}
	}
	listed := printed(t, false, true, func(a *app) error { return (&lsCmd{Namespace: "local"}).Run(a) })
	told := printed(t, false, true, func(a *app) (err error) {
		for i := range want {
			err = errors.Join(err, (&statCmd{Name: want[i].Name}).Run(a))
		}
		return err
	})
	for what, text := range map[string][]byte{"ls": listed, "stat": told} {
		got := readBack[inspect.Info](t, text)
		comparable(got)
		comparable(want)
		if !reflect.DeepEqual(got, want) {
			gotText, _ := json.Marshal(got)
			wantText, _ := json.Marshal(want)
			t.Errorf("%s is read back as\n%s, want\n%s", what, gotText, wantText)
		}
	}
	left := upkeep.Leftover{Name: `Local\Dead`, What: "an object", Reason: "somebody has it"}
	if got := readBack[upkeep.Leftover](t, printed(t, false, true, func(a *app) error {
		return (&gcCmd{}).tell(a, left)
	})); got[0] != left {
		t.Errorf("gc is read back as %+v", got)
	}
}

// comparable makes equal times equal values. Since when a mutex is owned is known to about a second, and only after it
// was determined.
func comparable(infos []inspect.Info) {
	for i := range infos {
		infos[i].Created = infos[i].Created.UTC()
		if s := infos[i].State; s != nil && s.Ownership != nil {
			s.Ownership.Since = time.Time{}
		}
	}
}

// readBack reads one value after the other, and knows no other fields.
func readBack[T any](t *testing.T, text []byte) (all []T) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	for {
		var one T
		err := decoder.Decode(&one)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, one)
	}
}

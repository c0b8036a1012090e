package inspect

import (
	"encoding/json"
	"testing"

	"github.com/namedshm/namedshm/internal/kernel"
)

func TestMachineTellsSomethingAboutEverything(t *testing.T) {
	checks := Machine()
	if len(checks) == 0 {
		t.Fatal("there is nothing to tell about this machine")
	}
	for _, c := range checks {
		if c.Topic == "" || c.Detail == "" {
			t.Errorf("%+v says nothing", c)
		}
		if c.Status != OK && c.Status != Warning && c.Status != Missing {
			t.Errorf("%+v has no status", c)
		}
		if c.Status != OK && c.Advice == "" {
			t.Errorf("%+v leaves people without advice", c)
		}
	}
}

func TestCheckAsJSON(t *testing.T) {
	for want, c := range map[string]Check{
		`{"topic":"a","status":"ok","detail":"b"}`: {Topic: "a", Status: statusOf(kernel.OK), Detail: "b"},
		`{"topic":"a","status":"missing","detail":"b","advice":"c"}`: {Topic: "a", Status: statusOf(kernel.Missing),
			Detail: "b", Advice: "c"},
		`{"topic":"a","status":"warning","detail":"b","advice":"c"}`: {Topic: "a", Status: statusOf(kernel.Warning),
			Detail: "b", Advice: "c"},
		`{"topic":"","status":"warning","detail":""}`: {Status: statusOf(77)},
	} {
		if got, err := json.Marshal(c); string(got) != want || err != nil {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

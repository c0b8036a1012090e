package gotable

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/namedshm/namedshm/conformance/internal/spec"
)

// opposites turn what a row expects into something that must then be missed.
var opposites = []struct {
	pattern *regexp.Regexp
	result  string
	number  string // "" leaves the row's
}{
	{regexp.MustCompile(`^depends on`), "TRUE", ""}, // all of its results are allowed
	{regexp.MustCompile(`^(NULL|FALSE)\b.*`), "TRUE", ""},
	{regexp.MustCompile(`^WAIT_FAILED\b.*`), "WAIT_TIMEOUT", ""},
	{regexp.MustCompile(`^WAIT_FAILED\b.*`), "WAIT_OBJECT_0", ""},
	{regexp.MustCompile(`^WAIT_OBJECT_0\b.*`), "WAIT_TIMEOUT", ""},
	{regexp.MustCompile(`^WAIT_OBJECT_0\b.*`), "0x80", ""},
	{regexp.MustCompile(`^WAIT_OBJECT_0\b.*`), "WAIT_OBJECT_0+2", ""},
	{regexp.MustCompile(`^WAIT_OBJECT_0\b.*`), "WAIT_FAILED", "31"},
	{regexp.MustCompile(`^WAIT_TIMEOUT\b.*`), "WAIT_OBJECT_0", ""},
	{regexp.MustCompile(`^WAIT_TIMEOUT\b.*`), "WAIT_FAILED", "31"},
	{regexp.MustCompile(`^(a WAIT_ABANDONED|WAIT_ABANDONED|0x80\b).*`), "WAIT_OBJECT_0", ""},
	{regexp.MustCompile(`^(WAIT_ABANDONED|0x80\b).*`), "0x82", ""},
	{regexp.MustCompile(`^all \d released$`), "exactly 1 released", ""},
	{regexp.MustCompile(`^exactly \d released$`), "all 3 released", ""},
	{regexp.MustCompile(`^not taken\b.*`), "taken", ""},
	{regexp.MustCompile(`^(handle|non-NULL handle|new distinct handle|same object|new object|view|TRUE|Protect)\b.*`), "FALSE", "31"},
	{regexp.MustCompile(`^access violation.*`), "ok", ""},
	{regexp.MustCompile(`^(ok|succeeds)\b.*`), "access violation", ""},
	{regexp.MustCompile(`^(zeros|every byte 0|zero filled)\b.*`), "data kept", ""},
	{regexp.MustCompile(`^(child data|data survives|data kept|starts from|private bytes)\b.*`), "zeros", ""},
	{regexp.MustCompile(`^(same bytes|seen at|c sees|parent reads|data seen)\b.*`), "independent memory", ""},
	{regexp.MustCompile(`^(independent memory|no effect|c changes)\b.*`), "same bytes", ""},
	{regexp.MustCompile(`^0xF0007$`), "0xF0005", ""},
	{regexp.MustCompile(`^size \d+.*`), "size 1", ""},
	{regexp.MustCompile(`^region \d+.*`), "region 1", ""},
	{regexp.MustCompile(`^multiple of.*`), "multiple of 1152921504606846976", ""},
	{regexp.MustCompile(`^page .*`), "page 4096, allocation granularity 4096", ""},
}

// slips are more words of results, and wrong ones for them.
var slips = [][2]string{{"PAGE_EXECUTE_", "PAGE_"}, {"after about 100 ms", "after about 100000 ms"}}

// falsified are wrong versions of a row, each of which the library must miss.
func falsified(r spec.Row) (wrong []spec.Row) {
	for _, o := range opposites {
		if !o.pattern.MatchString(r.Result) || strings.HasPrefix(r.Result, "depends") {
			continue
		}
		w := r
		w.Result = o.result
		if o.number != "" {
			w.Number = o.number
		}
		wrong = append(wrong, w)
	}
	add := func(change func(w *spec.Row)) {
		w := r
		if change(&w); w != r {
			wrong = append(wrong, w)
		}
	}
	fails := refused(r)
	opens := !fails && strings.Contains(r.Result, "handle")
	if _, ok := r.Code(); ok && (fails || opens) && !strings.HasPrefix(r.Result, "depends") {
		add(func(w *spec.Row) { w.Number = map[bool]string{true: "0", false: "183"}[r.Number == "183"] })
	}
	if fails {
		add(func(w *spec.Row) { w.Symbol = "ERROR_OTHER" })
		return wrong
	}
	wrong = append(wrong, r.Slips(slips...)...)
	add(func(w *spec.Row) { w.Result = regexp.MustCompile(`region \d+`).ReplaceAllString(w.Result, "region 1") })
	if m := spec.Granted.FindStringSubmatch(r.Result); m != nil && !spec.UnderWine() {
		mask, _ := strconv.ParseUint(m[1], 16, 32)
		other := map[bool]string{true: "2", false: "4"}[mask&mapReadRight != 0]
		add(func(w *spec.Row) { w.Result = strings.Replace(w.Result, m[0], "granted 0x"+other, 1) })
	}
	return wrong
}

func TestEveryRowCanFail(t *testing.T) {
	rows := readTable(t, spec.Text)
	runs, none := 0, 0
	for _, r := range sortRows(rows).driven {
		if spec.UnderWine() && differsUnderWine(r) || excepted(r, `Local\`) != "" {
			continue
		}
		if needsGlobal(r, `Local\`) && !spec.MayUseGlobal() {
			continue
		}
		wrong := falsified(r)
		if len(wrong) == 0 {
			t.Logf("no wrong version of row %s is known: %s", r.ID, r.Result)
			none++
		}
		for _, w := range wrong {
			for _, how := range ways(r) {
				if _, err := drive(rows, w, `Local\`, how); err == nil {
					t.Errorf("row %s %s passes with the result %q (%s, %s) instead of %q", r.ID, how, w.Result, w.Symbol, w.Number,
						r.Result)
				}
				runs++
			}
		}
	}
	t.Logf("%d wrong versions of rows were missed, as they must be; %d rows have none", runs, none)
}

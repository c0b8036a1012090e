package table

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
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

// replacements turn one word of a result into a wrong one.
var replacements = []struct{ is, wrong string }{
	{"PAGE_WRITECOPY", "PAGE_READONLY"},
	{"PAGE_READWRITE", "PAGE_READONLY"},
	{"PAGE_EXECUTE_", "PAGE_"},
	{"PAGE_NOACCESS", "PAGE_READONLY"},
	{"(read only)", "(read and write)"},
	{"writes are private", "read and write"},
	{"count 0", "count 1"},
	{"after about 100 ms", "after about 100000 ms"},
	{"caller owns it", "nobody owns it"},
	{"mutex released", "mutex kept"},
	{"ownership NOT taken", "ownership taken"},
	{"only that event consumed", "no event consumed"},
}

// falsified are wrong versions of a row, each of which the library must miss.
func falsified(r row) []row {
	var wrong []row
	for _, o := range opposites {
		if !o.pattern.MatchString(r.result) || strings.HasPrefix(r.result, "depends") {
			continue
		}
		w := r
		w.result = o.result
		if o.number != "" {
			w.number = o.number
		}
		wrong = append(wrong, w)
	}
	add := func(change func(w *row)) {
		w := r
		if change(&w); w != r {
			wrong = append(wrong, w)
		}
	}
	refused := r.refused()
	opens := !refused && strings.Contains(r.result, "handle")
	if _, ok := r.code(); ok && (refused || opens) && !strings.HasPrefix(r.result, "depends") {
		add(func(w *row) { w.number = map[bool]string{true: "0", false: "183"}[r.number == "183"] })
	}
	if refused {
		add(func(w *row) { w.symbol = "ERROR_OTHER" })
		return wrong
	}
	for _, r := range replacements {
		add(func(w *row) { w.result = strings.Replace(w.result, r.is, r.wrong, 1) })
	}
	add(func(w *row) { w.result = regexp.MustCompile(`region \d+`).ReplaceAllString(w.result, "region 1") })
	if m := grantedPattern.FindStringSubmatch(r.result); m != nil && !underWine() {
		mask, _ := strconv.ParseUint(m[1], 16, 32)
		other := map[bool]string{true: "2", false: "4"}[mask&mapReadRight != 0]
		add(func(w *row) { w.result = strings.Replace(w.result, m[0], "granted 0x"+other, 1) })
	}
	return wrong
}

func TestEveryRowCanFail(t *testing.T) {
	rows := readTable(t, Text)
	runs, none := 0, 0
	for _, r := range sortRows(rows).driven {
		if underWine() && r.differsUnderWine() || excepted(r.id, `Local\`) != "" {
			continue
		}
		if needsGlobal(r, `Local\`) && !mayUseGlobal() {
			continue
		}
		wrong := falsified(r)
		if len(wrong) == 0 {
			t.Logf("no wrong version of row %s is known: %s", r.id, r.result)
			none++
		}
		for _, w := range wrong {
			for _, how := range ways(r) {
				if _, err := drive(rows, w, `Local\`, how); err == nil {
					t.Errorf("row %s %s passes with the result %q (%s, %s) instead of %q", r.id, how, w.result, w.symbol, w.number, r.result)
				}
				runs++
			}
		}
	}
	t.Logf("%d wrong versions of rows were missed, as they must be; %d rows have none", runs, none)
}

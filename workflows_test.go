//go:build unix

package namedshm_test

// The workflows of .github run on machines that nobody here has. So what they do is done by scripts that also run here,
// and nothing but the choice of machines is left in them.

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// workflow is what this file's checks need of one.
type workflow struct {
	path string
	text string
}

func workflows(t *testing.T) []workflow {
	paths, err := filepath.Glob(".github/workflows/*")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no workflows: ", err)
	}
	var all []workflow
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, workflow{p, string(text)})
	}
	return all
}

var (
	// step is a key whose value is a command: of a step, or of an action that runs commands elsewhere.
	step = regexp.MustCompile(`^\s*(?:- )?["']?(run|prepare|script|args|command|entrypoint)["']?\s*:[ \t]*(.*)$`)
	// plainCommand is a script of .ci with words behind it. What else a shell can do belongs into the script, and so does
	// what a stranger can choose: the title of a change, the name of a branch.
	plainCommand = regexp.MustCompile(`^\.ci/([a-z]+)((?: (?:[\w./-]+|\$[A-Z]+|"\$[A-Z_]+"))*)$`)
	used         = regexp.MustCompile(`^\s*(?:- )?["']?uses["']?\s*:[ \t]*(\S*)`)
	pinned       = regexp.MustCompile(`^(?:(?:actions|vmactions)/[\w-]+@v[0-9]+|[\w.-]+/[\w./-]+@[0-9a-f]{40})$`)
	job          = regexp.MustCompile(`^  [\w-]+:\s*(?:#.*)?$`)
	stagesOf     = regexp.MustCompile(`^\s*stages: \[(.*)\]$`)
)

// commands are the steps' commands, with the line of each.
func (w workflow) commands() map[int]string {
	found := map[int]string{}
	lines := strings.Split(w.text, "\n")
	for i, line := range lines {
		m := step.FindStringSubmatch(line)
		// defaults.run
		if m == nil || m[1] == "run" && m[2] == "" && i+1 < len(lines) && strings.TrimSpace(lines[i+1]) == "shell: bash" {
			continue
		}
		found[i+1] = strings.TrimSpace(m[2])
	}
	return found
}

// complaints are what a workflow must not have; exists says whether there is such a script.
func (w workflow) complaints(exists func(script string) bool) (complaints []string) {
	complain := func(line int, format string, args ...any) {
		complaints = append(complaints, fmt.Sprintf("%s:%d: %s", w.path, line, fmt.Sprintf(format, args...)))
	}
	for line, command := range w.commands() {
		m := plainCommand.FindStringSubmatch(command)
		if m == nil {
			complain(line, "%q is not a script of .ci and words for it", command)
		} else if !exists(m[1]) {
			complain(line, "there is no script .ci/%s", m[1])
		}
	}
	jobs, limited, inJobs := 0, 0, false
	for i, line := range strings.Split(w.text, "\n") {
		if m := used.FindStringSubmatch(line); m != nil && !pinned.MatchString(m[1]) {
			complain(i+1, "%s is pinned neither by a major version of a known owner nor by a commit", m[1])
		}
		if line != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "#") {
			inJobs = line == "jobs:"
		}
		if inJobs && job.MatchString(line) {
			jobs++
		}
		if strings.HasPrefix(line, "    timeout-minutes: ") {
			limited++
		}
		if strings.Contains(line, "pull_request_target") {
			complain(i+1, "pull_request_target gives a stranger's change this repository's rights")
		}
	}
	if jobs == 0 || jobs != limited {
		complain(1, "%d jobs have %d limits of time", jobs, limited)
	}
	if !strings.Contains(w.text, "\npermissions:\n  contents: read\n\n") {
		complain(1, "it does not say at its top that it may read and nothing else")
	}
	return complaints
}

// scriptExists reports an executable script of .ci.
func scriptExists(script string) bool {
	info, err := os.Stat(path.Join(".ci", script))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// TestWorkflows: each command of each workflow is a script that exists, and each stage that one names is one of
// .ci/run's.
func TestWorkflows(t *testing.T) {
	out, err := exec.Command(".ci/run", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	stages := strings.Fields(string(out))
	commands := 0
	for _, w := range workflows(t) {
		for _, complaint := range w.complaints(scriptExists) {
			t.Error(complaint)
		}
		commands += len(w.commands())
		for _, named := range w.stages() {
			if !slices.Contains(stages, named) {
				t.Errorf("%s: .ci/run has no stage %s", w.path, named)
			}
		}
	}
	if commands < 8 {
		t.Errorf("only %d commands were found", commands)
	}
}

// stages are the stages of .ci/run that a workflow names.
func (w workflow) stages() (stages []string) {
	for line := range strings.SplitSeq(w.text, "\n") {
		if m := stagesOf.FindStringSubmatch(line); m != nil {
			stages = append(stages, strings.Fields(strings.ReplaceAll(m[1], ",", " "))...)
		}
	}
	for _, command := range w.commands() {
		if rest, found := strings.CutPrefix(command, ".ci/run "); found {
			for _, word := range strings.Fields(rest) {
				if word != "$STAGES" {
					stages = append(stages, word)
				}
			}
		}
	}
	return stages
}

// TestWorkflowsAreWhole: each stage of CI has its place in a workflow, each system its job.
func TestWorkflowsAreWhole(t *testing.T) {
	out, err := exec.Command(".ci/run", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	var text strings.Builder
	for _, w := range workflows(t) {
		named = append(named, w.stages()...)
		text.WriteString(w.text)
	}
	for _, stage := range strings.Fields(string(out)) {
		if !slices.Contains(named, stage) {
			t.Errorf("no workflow runs the stage %s", stage)
		}
	}
	for _, wanted := range []string{"ubuntu-24.04-arm", "windows-", "macos-", "freebsd-vm", "oldstable",
		".ci/oracle oracle\n", "path: oracle\n", "if: always()"} {
		if !strings.Contains(text.String(), wanted) {
			t.Errorf("no workflow has %q", wanted)
		}
	}
}

// TestScriptsRunHere: what a workflow calls is called by a stage of .ci/run too, and every script is one that its shell
// can read.
func TestScriptsRunHere(t *testing.T) {
	run, err := os.ReadFile(".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workflows(t) {
		for line, command := range w.commands() {
			m := plainCommand.FindStringSubmatch(command)
			if m == nil || m[1] == "run" {
				continue
			}
			if !regexp.MustCompile(`(?m)^\s[^#]*\.ci/` + m[1] + `\b`).Match(run) {
				t.Errorf("%s:%d: no stage runs .ci/%s", w.path, line, m[1])
			}
		}
	}
	scripts, err := filepath.Glob(".ci/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if shell, found := strings.CutPrefix(first, "#!"); found {
			words := append(strings.Fields(shell), "-n", script)
			if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
	}
}

// TestWorkflowsCanFail gives the checks something to complain about, and something much like it that is in order.
func TestWorkflowsCanFail(t *testing.T) {
	const head = "on: push\n\npermissions:\n  contents: read\n\ndefaults:\n  run:\n    shell: bash\n\n"
	const begin = "jobs:\n  one:\n    runs-on: ubuntu-24.04\n    timeout-minutes: 5\n    steps:\n"
	for text, wrong := range map[string]bool{
		head + begin + "      - run: .ci/native\n":                                                                 false,
		head + begin + "      - run: .ci/run tools $STAGES\n":                                                      false,
		head + begin + "      - run: .ci/native \"$GITHUB_REF_NAME\" dist\n":                                       false,
		head + begin + "      - uses: actions/checkout@v6\n":                                                       false,
		head + begin + "      - uses: a/b@0123456789012345678901234567890123456789\n":                              false,
		head + begin + "      - run: go test ./...\n":                                                              true,
		head + begin + "      - name: x\n        run: go test ./...\n":                                             true,
		head + begin + "      - run: .ci/none\n":                                                                   true,
		head + begin + "      - run: |\n          .ci/native\n":                                                    true,
		head + begin + "      - run:\n          .ci/native && rm x\n":                                              true,
		head + begin + "      - \"run\": go test\n":                                                                true,
		head + begin + "      - run: .ci/native; curl x\n":                                                         true,
		head + begin + "      - run: .ci/native $(x)\n":                                                            true,
		head + begin + "      - run: .ci/native > file\n":                                                          true,
		head + begin + "      - run: .ci/native ${{ github.event.pull_request.title }}\n":                          true,
		head + begin + "      - uses: vmactions/freebsd-vm@v1\n        with:\n          prepare: pkg install go\n": true,
		head + begin + "      - uses: actions/checkout@main\n":                                                     true,
		head + begin + "      - uses: somebody/action@v1\n":                                                        true,
		head + strings.Replace(begin, "    timeout-minutes: 5\n", "", 1):                                           true,
		strings.Replace(head, "contents: read", "contents: write", 1) + begin:                                      true,
		strings.Replace(head, "on: push", "on: pull_request_target", 1) + begin:                                    true,
	} {
		got := workflow{"w.yml", text}.complaints(func(script string) bool { return script == "native" || script == "run" })
		if (len(got) > 0) != wrong {
			t.Errorf("%s\nsays %q", text, got)
		}
	}
}

// TestReleaseIsPublished: what was built goes into a draft, with what the changelog says of it; and nothing does where
// a file is another than was built, or the changelog says nothing. GitHub's own command is a script here, which prints
// its arguments.
func TestReleaseIsPublished(t *testing.T) {
	bin, dist := t.TempDir(), t.TempDir()
	told := filepath.Join(bin, "told")
	for name, text := range map[string]string{
		filepath.Join(bin, "gh"):                 "#!/bin/sh\nprintf '%s\\n' \"$@\" >'" + told + "'\n",
		filepath.Join(dist, "shm-x.tar.gz"):      "one",
		filepath.Join(dist, "shm-y windows.zip"): "two",
	} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sums := exec.Command("sh", "-c", "sha256sum -- shm-* >SHA256SUMS")
	sums.Dir = dist
	if out, err := sums.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	publish := func(version string) (string, error) {
		os.Remove(told)
		cmd := exec.Command(".ci/release", "publish", version, dist)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		words, _ := os.ReadFile(told)
		if err != nil && len(words) > 0 {
			t.Errorf("%s is published, and fails: %s", version, out)
		}
		return string(words), err
	}
	words, err := publish("vUnreleased")
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{"release\ncreate\nvUnreleased\n--draft\n--verify-tag\n", "\n### Added\n",
		dist + "/SHA256SUMS\n", dist + "/shm-y windows.zip\n"} {
		if !strings.Contains(words, wanted) {
			t.Errorf("gh is not told %q but %q", wanted, words)
		}
	}
	if _, err := publish("v99.0.0"); err == nil {
		t.Error("a version that the changelog does not know is published")
	}
	if err := os.WriteFile(filepath.Join(dist, "shm-x.tar.gz"), []byte("another"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := publish("vUnreleased"); err == nil {
		t.Error("a file that is not what was built is published")
	}
}

// TestReleaseVersions: a version is a tag that the go command takes for one, and a directory with something in it stays
// as it is.
func TestReleaseVersions(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{
		{"1.2.3", filepath.Join(full, "new")}, {"v1.2", filepath.Join(full, "new")},
		{"v1.2.3 -X main.a=b", filepath.Join(full, "new")},
		{"v1.2.3+x", filepath.Join(full, "new")}, {"", filepath.Join(full, "new")}, {"v1.2.3", full}, {"v1.2.3"},
	} {
		out, err := exec.Command(".ci/release", append([]string{"build"}, words...)...).CombinedOutput()
		if err == nil {
			t.Errorf("%q is built: %s", words, out)
		}
	}
	left, err := os.ReadDir(full)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// manualCmd writes the manual pages, shm(1) and one a verb, made from the help texts: so none can be out of date. It is
// for people who make packages.
type manualCmd struct {
	Directory string `arg:"" help:"The directory for the pages."`
	Date      string `arg:"" help:"Their date, YYYY-MM-DD."`
}

// Run writes the pages.
func (c *manualCmd) Run(a *app, parser *kong.Kong) error {
	pages, err := manual(parser, c.Date)
	if err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(c.Directory, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manual is the pages by the names of their files.
func manual(parser *kong.Kong, date string) (map[string][]byte, error) {
	pages := map[string][]byte{}
	err := kong.Visit(parser.Model, func(n kong.Visitable, next kong.Next) error {
		node, ok := n.(*kong.Node)
		if app, isApp := n.(*kong.Application); isApp {
			node, ok = app.Node, true
		}
		if !ok {
			return next(nil)
		}
		if node.Hidden {
			return nil
		}
		p := page{node: node}
		if err := p.learnUsage(); err != nil {
			return err
		}
		pages[pageName(node)+".1"] = p.text(date)
		return next(nil)
	})
	return pages, err
}

// pageName is how a node's page is called: shm, shm-event, shm-event-set.
func pageName(n *kong.Node) string {
	return strings.Join(append([]string{"shm"}, strings.Fields(n.Path())...), "-")
}

// page is one manual page. usage is the usage line as --help prints it.
type page struct {
	node  *kong.Node
	usage string
	out   bytes.Buffer
}

// learnUsage asks the help for the page's usage line.
func (p *page) learnUsage() error {
	var help bytes.Buffer
	parser, err := newParser(new(cli))
	if err != nil {
		return err
	}
	parser.Stdout, parser.Exit = &help, func(int) {}
	parser.Parse(append(strings.Fields(p.node.Path()), "--help")) // prints, and then lacks arguments to complain about
	line, _, _ := strings.Cut(help.String(), "\n")
	usage, found := strings.CutPrefix(line, "Usage: ")
	if !found {
		return fmt.Errorf("the help of %s begins with %q", pageName(p.node), line)
	}
	p.usage = usage
	return nil
}

func (p *page) text(date string) []byte {
	n := p.node
	fmt.Fprintf(&p.out, ".\\\" Made from the help texts by shm __manual.\n.TH %s 1 %s \"shm %s\" \"namedshm\"\n",
		roff(strings.ToUpper(pageName(n))), date, roff(ownVersion()))
	summary, details := n.Help, n.Detail
	if n.Parent == nil {
		summary, details = "Windows' named shared memory on every platform", description
	}
	summary = strings.TrimSuffix(summary, ".")
	fmt.Fprintf(&p.out, ".SH NAME\n%s \\- %s\n", roff(pageName(n)), roff(summary))
	command, arguments, _ := strings.Cut(p.usage, strings.TrimSpace("shm "+n.Path()))
	fmt.Fprintf(&p.out, ".SH SYNOPSIS\n.B %s\n%s\n", roff(command+strings.TrimSpace("shm "+n.Path())),
		roff(strings.TrimSpace(arguments)))
	p.out.WriteString(".SH DESCRIPTION\n")
	if n.Parent != nil {
		p.paragraphs(n.Help)
	}
	p.paragraphs(details)
	p.arguments()
	p.flags()
	p.verbs()
	if n.Parent == nil {
		p.out.WriteString(exitStatusSection)
	}
	p.seeAlso()
	return p.out.Bytes()
}

// exitStatusSection says what the command's comment says, and completeness asks for: what no verb's help says of its
// own.
const exitStatusSection = `.SH EXIT STATUS
0 for success, 1 for a failure or a wait that timed out, 2 for an invalid command line, 3 for a wait that acquired
an abandoned mutex, or for reading messages whose sender died.
A verb that runs a command passes its exit status on.
`

// paragraphs writes a help text. What is indented there, examples and tables, keeps its lines.
func (p *page) paragraphs(text string) {
	for i, part := range regexp.MustCompile(`\n\s*\n`).Split(strings.Trim(text, "\n"), -1) {
		if strings.TrimSpace(part) == "" {
			continue
		}
		if i > 0 || !bytes.HasSuffix(p.out.Bytes(), []byte(".SH DESCRIPTION\n")) {
			p.out.WriteString(".PP\n")
		}
		if strings.HasPrefix(part, " ") {
			p.out.WriteString(".RS 4\n.nf\n" + roffLines(strings.Split(part, "\n"), "    ") + ".fi\n.RE\n")
		} else {
			p.out.WriteString(roffLines(strings.Split(part, "\n"), ""))
		}
	}
}

// roffLines are the lines of a text without their indentation.
func roffLines(lines []string, indentation string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(roff(strings.TrimRight(strings.TrimPrefix(line, indentation), " ")) + "\n")
	}
	return b.String()
}

func (p *page) arguments() {
	if len(p.node.Positional) == 0 {
		return
	}
	p.out.WriteString(".SH ARGUMENTS\n")
	for _, v := range p.node.Positional {
		p.entry("\\fI"+roff(strings.Trim(v.Summary(), "[]<>. "))+"\\fR", v.Help)
	}
}

func (p *page) flags() {
	p.out.WriteString(".SH OPTIONS\n")
	for _, group := range p.node.AllFlags(true) {
		for _, f := range group {
			title := "\\fB\\-\\-" + roff(f.Name) + "\\fR"
			if f.Short != 0 {
				title = "\\fB\\-" + roff(string(f.Short)) + "\\fR, " + title
			}
			if !f.IsBool() && !f.IsCounter() {
				title += "=\\fI" + roff(f.FormatPlaceHolder()) + "\\fR"
			}
			p.entry(title, f.Help)
		}
	}
}

func (p *page) verbs() {
	heading := ".SH COMMANDS\n"
	for _, child := range p.node.Children {
		if !child.Hidden {
			p.out.WriteString(heading)
			heading = ""
			p.entry("\\fB"+roff(child.Name)+"\\fR", child.Help)
		}
	}
}

func (p *page) entry(title, help string) {
	fmt.Fprintf(&p.out, ".TP\n%s\n%s\n", title, roff(strings.ReplaceAll(help, "\n", " ")))
}

// seeAlso names the pages above and below.
func (p *page) seeAlso() {
	var others []string
	if p.node.Parent != nil {
		others = append(others, pageName(p.node.Parent))
	}
	for _, child := range p.node.Children {
		if !child.Hidden {
			others = append(others, pageName(child))
		}
	}
	p.out.WriteString(".SH SEE ALSO\n")
	for i, name := range others {
		comma := ","
		if i == len(others)-1 {
			comma = ""
		}
		fmt.Fprintf(&p.out, ".BR %s (1)%s\n", roff(name), comma)
	}
}

// roff is text as troff shows it: nothing in it is a request, and hyphens and quotes can be copied into a shell.
func roff(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	if s := b.String(); !strings.HasPrefix(s, ".") {
		return s
	}
	return `\&` + b.String()
}

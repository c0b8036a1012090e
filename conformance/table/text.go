package table

import _ "embed"

// Text is the table, for whatever else is driven by it.
//
//go:embed testdata/conformance.tsv
var Text string

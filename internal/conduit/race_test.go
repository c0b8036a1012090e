//go:build race

package conduit

// raceDetector is on: each step takes many times as long.
const raceDetector = true

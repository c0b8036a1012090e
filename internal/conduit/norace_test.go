//go:build !race

package conduit

// raceDetector is off.
const raceDetector = false

// Package wineprefix shows, by its tests, that native programs and Windows programs under Wine meet in the same memory
// through package wine. The prefixes are as wineboot makes them, with nothing of this project in them;
// testdata/game.cpp, built with mingw, stands for the Windows program.
package wineprefix

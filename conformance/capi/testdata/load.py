# Loads the library at run time, calls it, unloads it, and does so again: load.py LIBRARY
import ctypes
import os
import sys

for round in range(3):
    library = ctypes.CDLL(sys.argv[1])
    library.CreateFileMappingA.restype = ctypes.c_void_p
    library.MapViewOfFile.restype = ctypes.c_void_p
    library.MapViewOfFile.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, ctypes.c_size_t]
    library.UnmapViewOfFile.argtypes = [ctypes.c_void_p]
    library.CloseHandle.argtypes = [ctypes.c_void_p]
    handle = library.CreateFileMappingA(ctypes.c_void_p(-1), None, 4, 0, 4096, b"Local\\python")
    assert handle and library.GetLastError() == 0, library.GetLastError()
    view = library.MapViewOfFile(handle, 2, 0, 0, 0)
    assert view, library.GetLastError()
    assert ctypes.string_at(view, 8) == bytes(8), "memory of the round before"
    ctypes.memmove(view, b"from Python", 12)
    assert library.UnmapViewOfFile(view) == 1 and library.CloseHandle(handle) == 1
    assert library.OpenFileMappingA(4, 0, b"Local\\python") == 0 and library.GetLastError() == 2
    assert ctypes.cdll.LoadLibrary(None).dlclose(ctypes.c_void_p(library._handle)) == 0

# A child that Python makes, and one that it forks.
assert os.system("true") == 0
child = os.fork()
if child == 0:
    os._exit(0 if library.CreateEventA(None, 0, 0, None) == 0 and library.GetLastError() == 6 else 1)
assert os.waitpid(child, 0)[1] == 0
print("well")

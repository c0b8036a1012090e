// Game stands for a Windows program that publishes live data: it makes sections as it is told on its standard input, line
// by line, and answers each line with one of its own: "ok", perhaps with a result, or "error" and what GetLastError says.
// It knows nothing of any library, and nothing of who reads.
//
// What it publishes is drawn here. A reader that finds the same even number before and after has one frame.
//
//     0  number    odd while a frame is written
//     8  payload   63 times the same: half the number that the frame has when it is complete

#include <windows.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

namespace {

struct Failed {
    DWORD code;
};

template <typename T> T must(T result)
{
    if (!result)
        throw Failed{GetLastError()};
    return result;
}

struct Frame {
    std::atomic<std::uint64_t> number;
    std::atomic<std::uint64_t> payload[63];
};

HANDLE section;
unsigned char *view;
std::atomic<bool> running;
HANDLE worker; // the thread that publishes

Frame *frame() { return reinterpret_cast<Frame *>(view); }

// publish writes one frame after the other. It makes room for others between two: a game does not only write.
DWORD WINAPI publish(void *)
{
    for (std::uint64_t n = frame()->number.load() / 2 + 1; running; n++) {
        frame()->number.store(2 * n - 1);
        for (auto &word : frame()->payload)
            word.store(n, std::memory_order_relaxed);
        frame()->number.store(2 * n);
        for (int i = 0; i < 2000 && running; i++)
            std::atomic_signal_fence(std::memory_order_seq_cst);
        Sleep(0);
    }
    return 0;
}

void stop()
{
    running = false;
    if (worker) {
        WaitForSingleObject(worker, INFINITE);
        CloseHandle(worker);
        worker = nullptr;
    }
}

void start()
{
    stop();
    running = true;
    worker = must(CreateThread(nullptr, 0, publish, nullptr, 0, nullptr));
}

std::string create(std::istringstream &words)
{
    std::string name;
    std::uint64_t size = 0;
    words >> name >> size;
    section = must(CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, static_cast<DWORD>(size >> 32),
                                      static_cast<DWORD>(size), name.c_str()));
    bool existed = GetLastError() == ERROR_ALREADY_EXISTS;
    view = static_cast<unsigned char *>(must(MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0)));
    return existed ? "existed" : "new";
}

// Other kinds, and sections of other sorts: nobody maps them here.
std::string make(std::istringstream &words)
{
    std::string kind, name;
    words >> kind >> name;
    if (kind == "event")
        must(CreateEventA(nullptr, TRUE, FALSE, name.c_str()));
    else if (kind == "readonly")
        must(CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READONLY, 0, 4096, name.c_str()));
    else
        must(CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE | SEC_RESERVE, 1, 0, name.c_str()));
    return "";
}

std::string text(std::istringstream &words)
{
    std::string bytes;
    std::size_t at = 0;
    words >> at >> bytes;
    if (!bytes.empty()) {
        bytes.copy(reinterpret_cast<char *>(view) + at, bytes.size());
        return "";
    }
    return std::string(reinterpret_cast<char *>(view) + at);
}

std::string act(const std::string &verb, std::istringstream &words)
{
    if (verb == "create")
        return create(words);
    if (verb == "make")
        return make(words);
    if (verb == "text")
        return text(words);
    if (verb == "run")
        start();
    else if (verb == "stop") {
        stop();
        return std::to_string(frame()->number.load() / 2);
    } else if (verb == "close") // the view stays
        must(CloseHandle(section));
    else if (verb == "unmap")
        must(UnmapViewOfFile(view));
    else
        throw Failed{ERROR_INVALID_FUNCTION};
    return "";
}

} // namespace

int main()
{
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        try {
            std::cout << "ok " << act(verb, words) << std::endl;
        } catch (const Failed &f) {
            std::cout << "error " << f.code << std::endl;
        }
    }
    stop();
    return 0;
}

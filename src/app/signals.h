// Signals of the process: the first SIGTERM or SIGINT asks for a graceful stop, the second ends the
// process at once with 128+n (what is committed stays, what is not is replayed: the same as after
// kill -9). SIGPIPE is ignored. Process-wide; the handler is async-signal-safe.
#pragma once

namespace tidemark {

void install_stop_signals();
// Any thread.
bool stop_requested();

// For every command: a closed pipe is an error of write(), not the end.
void ignore_broken_pipes();

}  // namespace tidemark

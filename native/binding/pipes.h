// Reads from pipes and sockets without the detour through Node's event loop, which costs more than a short message.
#pragma once
#include <napi.h>

namespace gogepo {

// receive(descriptors: number[], milliseconds) -> (Uint8Array | null)[]
// Waits until every descriptor has been read from or has hung up, for at most that long; null where nothing was read.
Napi::Value receive(const Napi::CallbackInfo& info);

}  // namespace gogepo

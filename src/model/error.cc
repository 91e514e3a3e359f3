#include "tidemark/error.h"

namespace tidemark {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::retry:
      return "retry";
    case ErrorKind::in_doubt:
      return "in_doubt";
    case ErrorKind::fenced:
      return "fenced";
    case ErrorKind::data:
      return "data";
    case ErrorKind::waiting:
      return "waiting";
    case ErrorKind::fatal:
      return "fatal";
  }
  return "unknown";
}

}  // namespace tidemark

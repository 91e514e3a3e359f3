// The layouts of a batch that is being put together: never two of one table, since what is folded
// and written together has one form. One batch each; not thread-safe.
#pragma once

#include <algorithm>
#include <vector>

#include "model/layout.h"

namespace tidemark {

class BatchLayouts {
 public:
  // False: the batch has another layout of the same table, and ends here. Events without a layout
  // are always admitted.
  bool admit(const Layout* layout) {
    if (layout == nullptr || layout == last_) return true;
    if (std::find(have_.begin(), have_.end(), layout) == have_.end()) {
      const auto same = [&](const Layout* other) { return other->target == layout->target; };
      if (std::any_of(have_.begin(), have_.end(), same)) return false;
      have_.push_back(layout);
    }
    last_ = layout;
    return true;
  }

 private:
  std::vector<const Layout*> have_;
  const Layout* last_ = nullptr;
};

}  // namespace tidemark

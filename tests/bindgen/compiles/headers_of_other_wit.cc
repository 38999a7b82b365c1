// Does not compile: both headers have the interface `api`, but one was generated without a feature.
#include "golden/gates-fancy/gates.h"
#include "golden/gates/gates.h"

// Does not compile: both have the interface `api`, one without a feature.
#include "golden/gates-fancy/gates.h"
#include "golden/gates/gates.h"

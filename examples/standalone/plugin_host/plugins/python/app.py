from wit_world import exports

# componentize-py takes the resources of an interface from the module of that name.
import filters  # noqa: F401


class Filters(exports.Filters):
    def language(self) -> str:
        return "Python"

# Writes the WIT of FROM to TO, with VERSION as the version of WASI's packages. Patch versions have the same
# interfaces.
file(READ "${FROM}" text)
string(REGEX REPLACE "0\\.2\\.[0-9]+" "${VERSION}" text "${text}")
file(WRITE "${TO}" "${text}")

# Writes the WIT of FROM to TO, with WASI's packages as VERSION. Between patch versions interfaces stay the same.
file(READ "${FROM}" text)
string(REGEX REPLACE "0\\.2\\.[0-9]+" "${VERSION}" text "${text}")
file(WRITE "${TO}" "${text}")

/// Debian's docker-registry, for tests that use a real registry.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "loopback_server.h"
#include "oci/subprocess.h"
#include "processes.h"
#include "support.h"

namespace tairitsu::test {

/// The contents of its password file; the password is p:ass.
inline constexpr const char* kRegistryPasswords =
    "user:$2y$04$J7rjE.UY7KZ5kGr05.Vg.O5iP9Flp4JlW554TuM1EdgnLN.8j0cEi\n";

/// Starts a new registry with an empty directory for each test.
class DockerRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!unwrap(oci::run_program({"sh", "-c", "command -v docker-registry || echo none"}, "",
                                 std::chrono::seconds(10)))
             .output.starts_with('/')) {
      GTEST_SKIP() << "docker-registry is not installed";
    }
  }
  void TearDown() override { stop(); }

  void start(bool with_password, bool with_tls) {
    port_ = free_port();
    std::string config = "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: " +
                         (directory_.path() / "data").string() +
                         "\n  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:" + std::to_string(port_) +
                         "\n  secret: test\n";
    if (with_tls) {
      make_certificates();
      config += "  tls:\n    certificate: " + (directory_.path() / "server.pem").string() +
                "\n    key: " + (directory_.path() / "server.key").string() + "\n";
    }
    if (with_password) {
      config += "auth:\n  htpasswd:\n    realm: test\n    path: " +
                directory_.write("passwords", kRegistryPasswords).string() + "\n";
    }
    const std::string file = directory_.write("config.yml", config).string();
    const std::string log = (directory_.path() / "log").string();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    std::string program = "docker-registry";
    std::string verb = "serve";
    std::string argument = file;
    char* const arguments[] = {program.data(), verb.data(), argument.data(), nullptr};
    ASSERT_EQ(posix_spawnp(&process_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2000 && !is_listening(port_); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(is_listening(port_)) << directory_.read("log");
  }

  void stop() {
    if (process_ <= 0) return;
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  /// Creates a certificate authority and a server certificate that it signs.
  void make_certificates() {
    const auto run = [&](const std::string& command) {
      const auto done = unwrap(oci::run_program(
          {"sh", "-c", "cd " + directory_.path().string() + " && " + command}, "", std::chrono::seconds(60)));
      ASSERT_EQ(done.status, 0) << done.errors;
    };
    directory_.write(
        "extensions",
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n");
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem "
        "-days 2 "
        "-subj '/CN=Test authority'");
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr "
        "-subj '/CN=localhost'");
    run("openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
        "extensions "
        "-out server.pem");
  }

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  TemporaryDirectory directory_;
  int port_ = 0;
  pid_t process_ = 0;
};

}  // namespace tairitsu::test

#include "verify/certificate_check.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "bytes/digest.h"
#include "bytes/some_of.h"
#include "crossload/error.h"
#include "verify/certificate_hash.h"
#include "verify/json_schema.h"

namespace crossload {

extern const char certificate_schema_text[];

namespace verify {
namespace {

namespace fs = std::filesystem;
using Kind = CertificateCheck::Kind;

constexpr int kCertificateVersion = 2;

/// Enough of a hash to tell two apart.
std::string shortened(const std::string& sha256) { return sha256.substr(0, 16) + "..."; }

/// A path that stays below the folder it is relative to.
bool is_below(const std::string& file) {
  const fs::path path(file);
  if (file.find('\0') != std::string::npos || path.is_absolute()) return false;
  return std::all_of(path.begin(), path.end(),
                     [](const fs::path& part) { return !part.empty() && part != ".." && part != "."; });
}

void require_names_below(const bytes::Json& certificate, const std::string& list, const std::string& where) {
  const std::vector<bytes::Json> entries = certificate.at(list).elements();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string file = entries[i].at("file").as_string();
    if (is_below(file)) continue;
    throw Error(ErrorKind::kBadInput, where + ": " + list + "[" + std::to_string(i) + "].file: is \"" + file +
                                          "\", which is not a plain path below the folder; do not trust this "
                                          "certificate");
  }
}

bool starts_with(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

/// Where links end must be the folder itself, or the blobs beside the snapshots of the Hub's cache:
/// models--foo--bar/snapshots/REVISION and models--foo--bar/blobs.
bool ends_in(const fs::path& folder, const fs::path& file) {
  const fs::path base = fs::canonical(folder);
  const fs::path end = fs::canonical(file);
  if (starts_with(end, base)) return true;
  const fs::path repository = base.parent_path().parent_path();
  return base.parent_path().filename() == "snapshots" && starts_with(end, repository / "blobs");
}

/// What there is to say of a file that an entry of `read` or `written` names.
CertificateCheck check_file(const bytes::Json& entry, const fs::path& folder, const std::string& subject,
                            bool follow_links) {
  const fs::path file = folder / entry.at("file").as_string();
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    const bool dangling = fs::is_symlink(fs::symlink_status(file, error));
    return {Kind::kMissing, subject, dangling ? "is a link to what is not there" : "is not there"};
  }
  if (status.type() != fs::file_type::regular) {
    return {Kind::kDiffers, subject, error ? "cannot be read: " + error.message() : "is not a regular file"};
  }
  try {
    if (!follow_links && !ends_in(folder, file)) {
      return {Kind::kDiffers, subject, "is a link that leads out of the folder; it was not read"};
    }
    const auto certified = static_cast<std::uintmax_t>(entry.at("bytes").as_integer());
    const std::uintmax_t bytes = fs::file_size(file);
    if (bytes != certified) {
      return {Kind::kDiffers, subject,
              "has " + std::to_string(bytes) + " bytes, certified are " + std::to_string(certified)};
    }
    const std::string sha256 = bytes::sha256_of_file(file);
    const std::string wanted = entry.at("sha256").as_string();
    if (sha256 != wanted) {
      return {Kind::kDiffers, subject, "has SHA-256 " + shortened(sha256) + ", certified is " + shortened(wanted)};
    }
    return {Kind::kHolds, subject, std::to_string(bytes) + " bytes, SHA-256 " + shortened(sha256)};
  } catch (const fs::filesystem_error& failure) {
    return {Kind::kDiffers, subject, "cannot be read: " + failure.code().message()};
  } catch (const Error& failure) {
    return {Kind::kDiffers, subject, failure.what()};
  }
}

/// Whether a file that was not certified is one of the checkpoint, as it was read: a conversion into its own folder.
bool is_of_checkpoint(const bytes::Json& certificate, const fs::path& folder, const fs::path& relative) {
  const std::vector<bytes::Json> read = certificate.at("read").elements();
  return std::any_of(read.begin(), read.end(), [&](const bytes::Json& entry) {
    return entry.at("file").as_string() == relative.string() &&
           check_file(entry, folder, "", /*follow_links=*/true).holds();
  });
}

bool was_read(const bytes::Json& certificate, const fs::path& relative) {
  const std::vector<bytes::Json> read = certificate.at("read").elements();
  return std::any_of(read.begin(), read.end(),
                     [&](const bytes::Json& entry) { return entry.at("file").as_string() == relative.string(); });
}

/// Everything below the folder that is not a folder, links to folders included, sorted.
std::vector<fs::path> everything_below(const fs::path& folder) {
  std::vector<fs::path> files;
  try {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.symlink_status().type() != fs::file_type::directory) {
        files.push_back(entry.path().lexically_relative(folder));
      }
    }
  } catch (const fs::filesystem_error& failure) {
    throw Error(ErrorKind::kEnvironment,
                failure.path1().string() +
                    ": cannot be listed, so what else it holds is not known: " + failure.code().message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

CertificateCheck note_of(const std::vector<std::string>& names) {
  const bool is_one = names.size() == 1;
  return {Kind::kNote, is_one ? "1 other file" : std::to_string(names.size()) + " other files",
          std::string("not certified, and no loader takes ") + (is_one ? "it: " : "them: ") + bytes::some_of(names)};
}

}  // namespace

std::string certificate_schema() { return certificate_schema_text; }

bytes::Json parse_certificate(const std::string& text, const std::string& where) {
  const bytes::Json certificate = bytes::Json::parse(text, where);
  if (!certificate.contains("crossload_certificate")) {
    throw Error(ErrorKind::kBadInput, where + ": has no \"crossload_certificate\", so it is no certificate");
  }
  const bytes::Json version = certificate.at("crossload_certificate");
  if (version.is_integer() && version.as_integer() != kCertificateVersion) {
    throw Error(ErrorKind::kBadInput, where + ": is a certificate of version " + std::to_string(version.as_integer()) +
                                          ", this program knows " + std::to_string(kCertificateVersion) +
                                          "; convert again, or take the Crossload that made it");
  }
  static const JsonSchema schema(bytes::Json::parse(certificate_schema_text, "docs/certificate.schema.json"));
  if (const auto fault = schema.fault(certificate)) {
    throw Error(ErrorKind::kBadInput, where + ": does not meet the schema of certificates: " + *fault);
  }
  require_names_below(certificate, "read", where);
  require_names_below(certificate, "written", where);
  return certificate;
}

CertificateCheck check_own_hash(const bytes::Json& certificate, const std::string& text) {
  const std::string subject = "certificate";
  if (hash_of_certificate(text) != certificate.at(kCertificateHash).as_string()) {
    return {Kind::kDiffers, subject, "its text is not the one that was hashed: it was changed after it was made"};
  }
  return {Kind::kHolds, subject, "meets the schema, and its own SHA-256"};
}

std::vector<CertificateCheck> check_written(const bytes::Json& certificate, const fs::path& folder,
                                            const fs::path& certificate_file,
                                            const std::function<Loaded(const fs::path&)>& loaded_as) {
  std::vector<CertificateCheck> checks;
  std::set<fs::path> certified;
  for (const bytes::Json& entry : certificate.at("written").elements()) {
    const std::string file = entry.at("file").as_string();
    certified.insert(file);
    checks.push_back(check_file(entry, folder, file, /*follow_links=*/false));
  }
  std::vector<fs::path> extra;
  bool beside_checkpoint = false;
  for (const fs::path& file : everything_below(folder)) {
    std::error_code ignored;
    if (certified.contains(file) || fs::equivalent(folder / file, certificate_file, ignored)) continue;
    if (is_of_checkpoint(certificate, folder, file)) {
      checks.push_back({Kind::kNote, file.string(), "PyTorch's, as the conversion read it"});
      beside_checkpoint = true;
    } else {
      extra.push_back(file);
    }
  }
  std::vector<std::string> others;
  for (const fs::path& file : extra) {
    const Loaded loaded = loaded_as(file);
    if (loaded == Loaded::kNever) {
      others.push_back(file.string());
    } else if (loaded == Loaded::kCompanion && beside_checkpoint && !was_read(certificate, file)) {
      checks.push_back({Kind::kNote, file.string(), "not certified: it is of the checkpoint that is here too"});
    } else {
      checks.push_back({Kind::kExtra, file.string(), "was not certified, and loaders would take it"});
    }
  }
  if (!others.empty()) checks.push_back(note_of(others));
  return checks;
}

std::vector<CertificateCheck> check_read(const bytes::Json& certificate, const fs::path& checkpoint) {
  const fs::path folder = fs::is_directory(checkpoint) ? checkpoint : checkpoint.parent_path();
  std::vector<CertificateCheck> checks;
  for (const bytes::Json& entry : certificate.at("read").elements()) {
    checks.push_back(check_file(entry, folder, "checkpoint's " + entry.at("file").as_string(), /*follow_links=*/true));
  }
  return checks;
}

}  // namespace verify
}  // namespace crossload

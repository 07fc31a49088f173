// Checking a certificate that somebody made: files, form, and the numbers if wanted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "crossload/certificate_check.h"
#include "crossload/progress.h"

namespace crossload {

struct VerifyCertificateOptions {
  /// The artifact's folder.
  std::filesystem::path artifact;
  /// The certificate; empty: crossload.json in the folder.
  std::filesystem::path certificate = {};
  /// The checkpoint it was made from: its files are checked too. A folder, a golden, or a file of torch.export.save
  /// (.pt2), for which trust_remote_code has to be set. May be empty.
  std::filesystem::path checkpoint = {};
  /// Runs the comparison again with the certificate's settings: against live PyTorch on `checkpoint`, or `reference`.
  bool replay = false;
  std::filesystem::path reference = {};  // a trace
  std::filesystem::path inputs = {};     // for live PyTorch, when the certificate was made with a file of inputs
  bool trust_remote_code = false;        // as in RunSettings
  std::filesystem::path tensorflow = {};
  std::filesystem::path python = {};
  /// Write the result here too.
  std::filesystem::path json = {};
};

struct VerifyCertificateResult {
  std::string verdict;  // what the certificate says
  std::vector<CertificateCheck> checks;
  std::size_t failed = 0;
  bool holds() const { return failed == 0; }
};

/// A difference is no error: it is in the result. Throws Error(kBadInput) when the certificate cannot be read, does not
/// meet docs/certificate.schema.json or names files outside of the folder, and what compare() throws when replaying.
/// The certificate is no signature: who can change a file can make a certificate that fits.
VerifyCertificateResult verify_certificate(const VerifyCertificateOptions& options, const Progress& progress = {});

}  // namespace crossload

// crossload.json: what was converted, and how well both frameworks agree.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "keras/weights.h"
#include "verify/binding.h"
#include "verify/file_hashes.h"
#include "verify/litert.h"
#include "verify/precision.h"
#include "verify/trace.h"
#include "verify/verification.h"

namespace crossload::verify {

/// Everything that a certificate says, gathered by the flow.
struct CertificateParts {
  std::string model;             // as the user named it
  std::string tensorflow_class;  // "TFBertModel"
  std::string tensorflow_version;
  int threads = 1;
  bool onednn = false;
  std::string grid = "none";
  std::vector<std::string> notes;           // sentences for the reader: what the reference had to do without
  std::vector<std::filesystem::path> read;  // files of the checkpoint
  std::filesystem::path read_below;         // its folder, which their names are relative to
  std::filesystem::path artifact;           // the folder that was written; its files are hashed
  std::vector<keras::LedgerEntry> ledger;
  std::vector<std::string> read_back;      // the formats whose variables were read back and are bit by bit the source's
  std::vector<BindingFault> binding;       // variables that are not the checkpoint's
  std::vector<std::string> configuration;  // fields that differ from PyTorch's
  PrecisionCost precision;                 // of the variables
  const Trace* trace = nullptr;            // these two are null without a verification
  const Verification* verification = nullptr;
  const LitertReport* litert = nullptr;  // null without a model.tflite; without runs where nothing is verified
  Tolerances tolerances;
  FileHashes* hashes = nullptr;  // what was hashed ahead; null: all files are hashed by certificate()
};

/// The worst of all formats: "agrees", "agrees by rounding", "disagrees" or "not verified".
std::string verdict_of(const CertificateParts& parts);

/// Every tensor of all formats with this verdict; none without a verification.
std::vector<const StageReport*> tensors_that(const CertificateParts& parts, Verdict verdict);

/// The certificate as a document, sealed: what dump_pretty() gives is to be written as it is. Hashes all files.
bytes::Json certificate(const CertificateParts& parts);

}  // namespace crossload::verify

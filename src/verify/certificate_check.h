// What a certificate says against what is on the disk.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bytes/json.h"
#include "crossload/certificate_check.h"

namespace crossload::verify {

/// docs/certificate.schema.json.
std::string certificate_schema();

/// A certificate of this version that meets the schema and whose `read` and `written` name files below a folder:
/// relative, without "..". Throws Error(kBadInput) that says where in the document it does not.
bytes::Json parse_certificate(const std::string& text, const std::string& where);

/// Whether the text is the one that was hashed.
CertificateCheck check_own_hash(const bytes::Json& certificate, const std::string& text);

/// What loaders do with a file by its name.
enum class Loaded {
  kNever,
  kWeights,    // of TensorFlow, or taken before them
  kCompanion,  // config.json, a tokenizer's or processor's file: the checkpoint's own where its weights are, too
};

/// Every file of `written`: there, of its size and SHA-256, and in the folder (or in the blobs of the Hub's cache that
/// the folder is in) where symbolic links end. Then what else is below the folder, but for `certificate_file`: a file
/// of the checkpoint as it was read, a companion beside such a one, or one that no loader takes is a note; another is
/// wrong.
std::vector<CertificateCheck> check_written(const bytes::Json& certificate, const std::filesystem::path& folder,
                                            const std::filesystem::path& certificate_file,
                                            const std::function<Loaded(const std::filesystem::path&)>& loaded_as);

/// Every file of `read`, in the checkpoint's folder, or beside the golden. Symbolic links are followed.
std::vector<CertificateCheck> check_read(const bytes::Json& certificate, const std::filesystem::path& checkpoint);

}  // namespace crossload::verify

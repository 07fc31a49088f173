// One thing that was checked of a certificate.
#pragma once

#include <string>

namespace crossload {

struct CertificateCheck {
  enum class Kind {
    kHolds,
    kNote,     // worth knowing, wrong in nothing
    kDiffers,  // is not what was certified
    kMissing,  // was certified, is not there
    kExtra,    // is there, was not certified, and loaders would take it
  };
  Kind kind = Kind::kHolds;
  std::string subject;  // a file, or a part of the comparison
  std::string detail;   // a sentence
  bool holds() const { return kind == Kind::kHolds || kind == Kind::kNote; }
};

}  // namespace crossload

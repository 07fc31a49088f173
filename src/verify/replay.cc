#include "verify/replay.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "bytes/some_of.h"

namespace crossload::verify {
namespace {

using Kind = CertificateCheck::Kind;

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

/// Distances that are infinite or NaN are strings.
double distance_of(const bytes::Json& value) {
  return value.is_number() ? value.as_number() : std::numeric_limits<double>::infinity();
}

/// The list, or an empty one where certificates do not have it.
bytes::Json list_of(const bytes::Json& certificate, const std::string& name) {
  return certificate.contains(name) ? certificate.at(name) : bytes::Json::array();
}

/// Every tensor by its name; of those with equal names, by "name (2)" and so on.
std::map<std::string, bytes::Json> tensors_of(const bytes::Json& certificate) {
  std::map<std::string, bytes::Json> tensors;
  const auto add = [&](const bytes::Json& list) {
    for (const bytes::Json& entry : list.elements()) {
      const std::string name = entry.at("path").as_string();
      std::string key = name;
      for (int count = 2; tensors.contains(key); ++count) key = name + " (" + std::to_string(count) + ")";
      tensors.emplace(key, entry);
    }
  };
  add(list_of(certificate, "stages"));
  add(list_of(certificate, "outputs"));
  if (certificate.contains("litert")) add(list_of(certificate.at("litert"), "stages"));
  return tensors;
}

/// What the outputs of model.tflite were measured to be: "model.tflite serving_default.logits (ai_edge_litert)".
std::map<std::string, bytes::Json> measured_in(const bytes::Json& litert) {
  std::map<std::string, bytes::Json> measured;
  for (const bytes::Json& entry : list_of(litert, "outputs").elements()) {
    std::string name = entry.at("name").as_string() + " (" + entry.at("interpreter").as_string() + ")";
    if (entry.at("cell").is_string()) name += " on " + entry.at("cell").as_string();
    measured.emplace(name, entry);
  }
  return measured;
}

/// What was compared besides tensors: "function __call__", "cell length_1".
std::map<std::string, bytes::Json> runs_of(const bytes::Json& certificate) {
  std::map<std::string, bytes::Json> runs;
  for (const auto& [list, kind] : {std::pair("functions", "function "), std::pair("cells", "cell ")}) {
    for (const bytes::Json& entry : list_of(certificate, list).elements()) {
      std::string name = kind + entry.at("name").as_string();
      if (std::string_view(list) == "functions") {
        for (const bytes::Json& input : entry.at("inputs").elements()) name += " " + input.as_string();
        if (entry.at("training").as_bool()) name += " training";
      }
      runs.emplace(name, entry);
    }
  }
  return runs;
}

/// What only one of both has; nothing when they have the same.
std::string only_in_one(const std::map<std::string, bytes::Json>& certified,
                        const std::map<std::string, bytes::Json>& again) {
  std::vector<std::string> gone;
  std::vector<std::string> fresh;
  for (const auto& [name, entry] : certified) {
    if (!again.contains(name)) gone.push_back(name);
  }
  for (const auto& [name, entry] : again) {
    if (!certified.contains(name)) fresh.push_back(name);
  }
  std::string text;
  if (!gone.empty()) text += "certified and not compared now: " + bytes::some_of(gone);
  if (!fresh.empty()) text += (text.empty() ? "" : "; ") + ("compared now and not certified: " + bytes::some_of(fresh));
  return text;
}

CertificateCheck check_inputs(const bytes::Json& certified, const bytes::Json& again) {
  std::vector<std::string> others;
  std::vector<std::string> rounded;
  const bytes::Json before = certified.at("inputs");
  const bytes::Json now = again.at("inputs");
  for (const auto& [name, input] : before.members()) {
    if (!now.contains(name)) {
      others.push_back(name);
      continue;
    }
    const bytes::Json other = now.at(name);
    const std::string dtype = input.at("dtype").as_string();
    const bool same_form =
        dtype == other.at("dtype").as_string() && input.at("shape").dump() == other.at("shape").dump();
    const bool same_bits = input.at("sha256").as_string() == other.at("sha256").as_string();
    const bool floats = dtype.starts_with("F") || dtype.starts_with("BF");
    if (!same_form || (!same_bits && !floats)) {
      others.push_back(name);
    } else if (!same_bits) {
      rounded.push_back(name);
    }
  }
  for (const auto& [name, input] : now.members()) {
    if (!before.contains(name)) others.push_back(name);
  }
  if (!others.empty()) {
    return {Kind::kDiffers, "replay: inputs",
            "are others than the certified ones: " + bytes::some_of(others) +
                "; give the trace that the certificate was made with by --reference, or the file by --inputs"};
  }
  if (!rounded.empty()) {
    return {Kind::kNote, "replay: inputs", "have the certified shapes and other bits: " + bytes::some_of(rounded)};
  }
  return {Kind::kHolds, "replay: inputs", "are the certified ones, bit by bit"};
}

CertificateCheck check_verdict(const bytes::Json& certified, const bytes::Json& again) {
  const std::string before = certified.at("verdict").as_string();
  const std::string now = again.at("verdict").as_string();
  const bool same = (before == "disagrees") == (now == "disagrees");
  return {same ? Kind::kHolds : Kind::kDiffers, "replay: verdict",
          before == now ? now : "certified is \"" + before + "\", now it is \"" + now + "\""};
}

CertificateCheck check_coverage(const bytes::Json& certified, const bytes::Json& again) {
  const std::string subject = "replay: coverage";
  for (const auto& [name, before] : certified.at("coverage").members()) {
    const bytes::Json now = again.at("coverage").at(name);
    if (before.dump() == now.dump()) continue;
    return {Kind::kDiffers, subject, name + ": certified is " + before.dump() + ", now it is " + now.dump()};
  }
  const auto tensors = tensors_of(certified);
  std::string difference = only_in_one(tensors, tensors_of(again));
  if (difference.empty()) difference = only_in_one(runs_of(certified), runs_of(again));
  if (!difference.empty()) return {Kind::kDiffers, subject, difference};
  return {Kind::kHolds, subject, "the same " + std::to_string(tensors.size()) + " tensors were compared"};
}

/// Collects how far the numbers of two comparisons are apart.
struct Distance {
  std::size_t same = 0;
  double largest_before = 0;
  double largest_now = 0;
  double ratio = 0;
  std::string at;

  void add(const std::string& name, double before, double now) {
    largest_before = std::max(largest_before, before);
    largest_now = std::max(largest_now, now);
    if (before <= 0 || !std::isfinite(before) || now / before <= ratio) return;
    ratio = now / before;
    at = name + " (certified " + scientific(before) + ", now " + scientific(now) + ")";
  }
};

CertificateCheck check_numbers(const bytes::Json& certified, const bytes::Json& again) {
  const std::string subject = "replay: numbers";
  const std::map<std::string, bytes::Json> now = tensors_of(again);
  Distance distance;
  std::vector<std::string> worse;
  std::size_t compared = 0;
  for (const auto& [name, before] : tensors_of(certified)) {
    const auto found = now.find(name);
    if (found == now.end()) continue;
    if (before.at("agrees").as_bool() && !found->second.at("agrees").as_bool()) worse.push_back(name);
    ++compared;
    if (before.dump() == found->second.dump()) ++distance.same;
    for (const char* const field : {"max_error", "max_error_padded"}) {
      if (!before.contains(field) || !found->second.contains(field)) continue;
      if (before.at(field).is_null() || found->second.at(field).is_null()) continue;
      distance.add(name, distance_of(before.at(field)), distance_of(found->second.at(field)));
    }
  }
  if (!worse.empty()) return {Kind::kDiffers, subject, "certified to agree, now off: " + bytes::some_of(worse)};
  std::string text = std::to_string(distance.same) + " of " + std::to_string(compared) +
                     " tensors have the certified numbers to the last digit; the largest error is " +
                     scientific(distance.largest_now) + ", certified " + scientific(distance.largest_before);
  if (distance.ratio > 0) {
    char ratio[32];
    std::snprintf(ratio, sizeof(ratio), "%.3g", distance.ratio);
    text += "; the largest ratio of errors is " + std::string(ratio) + " at " + distance.at;
  }
  return {Kind::kHolds, subject, text};
}

/// How far an error of a rounded model may be from the certified one on another processor, whose kernels add in another
/// order. Measured on all-MiniLM-L6-v2 with XNNPACK's, LiteRT's own and its reference kernels: 0.1% of float16's errors,
/// 7% of int8's, where a last bit can turn the rounding of an input.
double margin_of(const std::string& type, double error) {
  constexpr double kRule = 1e-5;
  return kRule + (type == "int8" ? 0.2 : 0.01) * error;
}

/// Of a rounded model each error against the certified one, in both directions: another file is another model.
std::optional<std::string> moved(const std::string& type, const std::string& name, const bytes::Json& before,
                                 const bytes::Json& now) {
  for (const char* const field : {"max_error", "mean_error"}) {
    const double certified = distance_of(before.at(field));
    const double measured = distance_of(now.at(field));
    if (certified == measured || std::abs(measured - certified) <= margin_of(type, certified)) continue;
    return name + " has a " + field + " of " + scientific(measured) + ", certified " + scientific(certified);
  }
  return std::nullopt;
}

/// Null where neither has a model.tflite.
std::optional<CertificateCheck> check_litert(const bytes::Json& certified, const bytes::Json& again) {
  const std::string subject = "replay: model.tflite";
  if (!certified.contains("litert") && !again.contains("litert")) return std::nullopt;
  if (!certified.contains("litert") || !again.contains("litert")) {
    const bool was = certified.contains("litert");
    return CertificateCheck{Kind::kDiffers, subject, was ? "certified and not run now" : "run now and not certified"};
  }
  const bytes::Json before = certified.at("litert");
  const bytes::Json now = again.at("litert");
  const std::string type = before.at("type").as_string();
  for (const char* const field : {"type", "bytes", "signatures", "operators"}) {
    if (before.at(field).dump() == now.at(field).dump()) continue;
    return CertificateCheck{
        Kind::kDiffers, subject,
        std::string(field) + ": certified is " + before.at(field).dump() + ", now it is " + now.at(field).dump()};
  }
  const std::map<std::string, bytes::Json> outputs = measured_in(before);
  const std::map<std::string, bytes::Json> outputs_now = measured_in(now);
  const std::string difference = only_in_one(outputs, outputs_now);
  if (!difference.empty()) return CertificateCheck{Kind::kDiffers, subject, difference};
  const bool agreed = before.at("verdict").as_string() != "disagrees";
  if (agreed && now.at("verdict").as_string() == "disagrees")
    return CertificateCheck{Kind::kDiffers, subject, "certified to agree, now it disagrees"};
  Distance distance;
  std::vector<std::string> others;
  for (const auto& [name, output] : outputs) {
    const bytes::Json& measured = outputs_now.at(name);
    if (output.dump() == measured.dump()) ++distance.same;
    distance.add(name, distance_of(output.at("max_error")), distance_of(measured.at("max_error")));
    if (type == "float32") continue;  // judged by the rule, so that the verdict says it
    if (const auto other = moved(type, name, output, measured)) others.push_back(*other);
  }
  if (!others.empty()) return CertificateCheck{Kind::kDiffers, subject, "is another model: " + bytes::some_of(others)};
  return CertificateCheck{Kind::kHolds, subject,
                          type + ": " + std::to_string(distance.same) + " of " + std::to_string(outputs.size()) +
                              " outputs have the certified errors to the last digit; the largest is " +
                              scientific(distance.largest_now) + ", certified " + scientific(distance.largest_before)};
}

/// A rule with other constants is another rule; only its limits are settings.
std::optional<CertificateCheck> note_of_rule(const bytes::Json& certified, const bytes::Json& again) {
  const std::string before = certified.at("tolerances").dump();
  const std::string now = again.at("tolerances").dump();
  if (before == now) return std::nullopt;
  return CertificateCheck{Kind::kNote, "replay: rule", "certified by " + before + ", now judged by " + now};
}

/// Other versions explain other numbers.
std::optional<CertificateCheck> note_of_versions(const bytes::Json& certified, const bytes::Json& again) {
  std::vector<std::string> changed;
  const bytes::Json now = again.at("versions");
  for (const auto& [name, before] : certified.at("versions").members()) {
    const std::string other = now.contains(name) ? now.at(name).dump() : "none";
    if (before.dump() != other) changed.push_back(name + " (certified " + before.dump() + ", now " + other + ")");
  }
  if (changed.empty()) return std::nullopt;
  return CertificateCheck{Kind::kNote, "replay: versions", "differ: " + bytes::some_of(changed)};
}

}  // namespace

std::vector<CertificateCheck> check_replay(const bytes::Json& certified, const bytes::Json& again) {
  std::vector<CertificateCheck> checks = {check_inputs(certified, again), check_verdict(certified, again),
                                          check_coverage(certified, again), check_numbers(certified, again)};
  if (const auto litert = check_litert(certified, again)) checks.push_back(*litert);
  if (const auto note = note_of_rule(certified, again)) checks.push_back(*note);
  if (const auto note = note_of_versions(certified, again)) checks.push_back(*note);
  return checks;
}

}  // namespace crossload::verify

#include "tf/graph.h"

#include <protozero/pbf_writer.hpp>
#include <utility>

#include "crossload/error.h"
#include "tf/buffer.h"
#include "tf/operation_error.h"
#include "tf/shape_proto.h"
#include "tf/status.h"

namespace crossload::tf {
namespace {

// Numbers of fields, from tensorflow/core/framework/{attr_value,tensor}.proto.
constexpr protozero::pbf_tag_type kAttrValueTensor = 8;
constexpr protozero::pbf_tag_type kTensorDtype = 1;
constexpr protozero::pbf_tag_type kTensorShape = 2;
constexpr protozero::pbf_tag_type kTensorStringVal = 8;

/// A serialized AttrValue, a vector of texts: the C API has no simple way to make one.
std::string attribute_of(const std::vector<std::string>& texts) {
  std::string result;
  protozero::pbf_writer writer(result);
  protozero::pbf_writer tensor(writer, kAttrValueTensor);
  tensor.add_enum(kTensorDtype, static_cast<int>(DataType::kString));
  tensor.add_message(kTensorShape, shape_proto({static_cast<std::int64_t>(texts.size())}));
  for (const std::string& text : texts) tensor.add_bytes(kTensorStringVal, text);
  tensor.commit();
  return result;
}

}  // namespace

DataType Tensor::dtype() const { return static_cast<DataType>(graph_->library()->TF_OperationOutputType(output_)); }

int Tensor::rank() const {
  Status status(*graph_->library());
  const int rank = graph_->library()->TF_GraphGetTensorNumDims(graph_->get(), output_, status);
  status.check("rank of " + name());
  return rank;
}

Shape Tensor::shape() const {
  const int dimensions = rank();
  if (dimensions < 0) {
    throw OperationError("TensorFlow: the rank of " + name() + " is not known", "", name(),
                         "the rank of a tensor is not known whose shape it needs");
  }
  Shape shape(static_cast<std::size_t>(dimensions));
  Status status(*graph_->library());
  graph_->library()->TF_GraphGetTensorShape(graph_->get(), output_, shape.data(), dimensions, status);
  status.check("shape of " + name());
  return shape;
}

std::int64_t Tensor::dim(int dimension) const {
  const Shape sizes = shape();
  const int rank = static_cast<int>(sizes.size());
  const int index = dimension < 0 ? dimension + rank : dimension;
  if (index < 0 || index >= rank) {
    const std::string what = "of shape " + to_string(sizes) + " has no dimension " + std::to_string(dimension);
    throw OperationError("TensorFlow: " + name() + " " + what, "", name(), "a tensor " + what);
  }
  return sizes[static_cast<std::size_t>(index)];
}

std::string Tensor::name() const {
  return std::string(graph_->library()->TF_OperationName(output_.oper)) + ":" + std::to_string(output_.index);
}

OperationBuilder::OperationBuilder(Graph* graph, const std::string& type, const std::string& name)
    : graph_(graph),
      type_(type),
      name_(name),
      description_(graph->library()->TF_NewOperation(graph->get(), type.c_str(), name.c_str())) {}

OperationBuilder& OperationBuilder::input(const Tensor& tensor) {
  inputs_.push_back(tensor);
  graph_->library()->TF_AddInput(description_, tensor.output());
  return *this;
}

OperationBuilder& OperationBuilder::inputs(const std::vector<Tensor>& tensors) {
  std::vector<TF_Output> list;
  for (const Tensor& tensor : tensors) list.push_back(tensor.output());
  inputs_.insert(inputs_.end(), tensors.begin(), tensors.end());
  graph_->library()->TF_AddInputList(description_, list.data(), static_cast<int>(list.size()));
  return *this;
}

OperationBuilder& OperationBuilder::control(TF_Operation* operation) {
  graph_->library()->TF_AddControlInput(description_, operation);
  return *this;
}

OperationBuilder& OperationBuilder::type(const char* attribute, DataType value) {
  graph_->library()->TF_SetAttrType(description_, attribute, static_cast<int>(value));
  return *this;
}

OperationBuilder& OperationBuilder::types(const char* attribute, const std::vector<DataType>& values) {
  std::vector<int> numbers;
  for (DataType value : values) numbers.push_back(static_cast<int>(value));
  graph_->library()->TF_SetAttrTypeList(description_, attribute, numbers.data(), static_cast<int>(numbers.size()));
  return *this;
}

OperationBuilder& OperationBuilder::integer(const char* attribute, std::int64_t value) {
  graph_->library()->TF_SetAttrInt(description_, attribute, value);
  return *this;
}

OperationBuilder& OperationBuilder::integers(const char* attribute, const std::vector<std::int64_t>& values) {
  graph_->library()->TF_SetAttrIntList(description_, attribute, values.data(), static_cast<int>(values.size()));
  return *this;
}

OperationBuilder& OperationBuilder::number(const char* attribute, float value) {
  graph_->library()->TF_SetAttrFloat(description_, attribute, value);
  return *this;
}

OperationBuilder& OperationBuilder::flag(const char* attribute, bool value) {
  graph_->library()->TF_SetAttrBool(description_, attribute, value ? 1 : 0);
  return *this;
}

OperationBuilder& OperationBuilder::text(const char* attribute, std::string_view value) {
  graph_->library()->TF_SetAttrString(description_, attribute, value.data(), value.size());
  return *this;
}

OperationBuilder& OperationBuilder::shape(const char* attribute, const Shape& value) {
  graph_->library()->TF_SetAttrShape(description_, attribute, value.data(), static_cast<int>(value.size()));
  return *this;
}

OperationBuilder& OperationBuilder::shapes(const char* attribute, const std::vector<Shape>& values) {
  std::vector<const std::int64_t*> sizes;
  std::vector<int> ranks;
  for (const Shape& shape : values) {
    sizes.push_back(shape.data());
    ranks.push_back(static_cast<int>(shape.size()));
  }
  const int count = static_cast<int>(values.size());
  graph_->library()->TF_SetAttrShapeList(description_, attribute, sizes.data(), ranks.data(), count);
  return *this;
}

OperationBuilder& OperationBuilder::value(const char* attribute, const HostTensor& value) {
  Status status(*graph_->library());
  graph_->library()->TF_SetAttrTensor(description_, attribute, value.get(), status);
  status.check("attribute " + std::string(attribute) + " of " + name_);
  return *this;
}

OperationBuilder& OperationBuilder::function(const char* attribute, const std::string& name) {
  graph_->library()->TF_SetAttrFuncName(description_, attribute, name.data(), name.size());
  return *this;
}

OperationBuilder& OperationBuilder::proto(const char* attribute, const std::string& attr_value) {
  Status status(*graph_->library());
  graph_->library()->TF_SetAttrValueProto(description_, attribute, attr_value.data(), attr_value.size(), status);
  status.check("attribute " + std::string(attribute) + " of " + name_);
  return *this;
}

TF_Operation* OperationBuilder::finish() {
  Status status(*graph_->library());
  TF_Operation* operation = graph_->library()->TF_FinishOperation(description_, status);
  if (status.ok()) return operation;
  std::vector<Shape> shapes;
  for (const Tensor& tensor : inputs_) {
    if (tensor.rank() >= 0) shapes.push_back(tensor.shape());
  }
  throw OperationError("TensorFlow, operation " + type_ + " \"" + name_ + "\": " + status.message(), type_, name_,
                       reason_of(status.message(), shapes));
}

Tensor OperationBuilder::output() { return graph_->substituted({graph_, TF_Output{finish(), 0}}); }

std::vector<Tensor> OperationBuilder::outputs() {
  TF_Operation* operation = finish();
  std::vector<Tensor> tensors;
  for (int i = 0; i < graph_->library()->TF_OperationNumOutputs(operation); ++i) {
    tensors.push_back(graph_->substituted({graph_, TF_Output{operation, i}}));
  }
  return tensors;
}

Function Function::from_proto(std::shared_ptr<const Library> library, const std::string& function_def) {
  Status status(*library);
  TF_Function* function = library->TF_FunctionImportFunctionDef(function_def.data(), function_def.size(), status);
  status.check("reading a FunctionDef");
  return {library, function};
}

std::string Function::to_proto() const {
  Status status(*library_);
  Buffer buffer(*library_);
  library_->TF_FunctionToFunctionDef(function_.get(), buffer, status);
  status.check("writing a FunctionDef");
  return buffer.text();
}

Graph::Graph(std::shared_ptr<const Library> library) : library_(std::move(library)), graph_(library_->TF_NewGraph()) {}

Graph::~Graph() { library_->TF_DeleteGraph(graph_); }

std::string Graph::unique_name(const std::string& type) { return scope_ + type + "_" + std::to_string(operations_++); }

Tensor Graph::substituted(const Tensor& made) {
  if (!substitute_) return made;
  const Substitute function = std::exchange(substitute_, nullptr);
  Tensor used = function(made);
  substitute_ = function;
  return used;
}

OperationBuilder Graph::operation(const std::string& type, const std::string& name) {
  return {this, type, name.empty() ? unique_name(type) : name};
}

Tensor Graph::placeholder(DataType dtype, const Shape& shape, const std::string& name) {
  return operation("Placeholder", name).type("dtype", dtype).shape("shape", shape).output();
}

Tensor Graph::constant(const HostTensor& value) {
  return operation("Const").type("dtype", value.dtype()).value("value", value).output();
}

Tensor Graph::constant(float value) { return constant(HostTensor::of<float>(library_, {}, std::span(&value, 1))); }

Tensor Graph::constant(std::int32_t value) {
  return constant(HostTensor::of<std::int32_t>(library_, {}, std::span(&value, 1)));
}

Tensor Graph::constant(const std::vector<std::int32_t>& values) {
  return constant(HostTensor::of<std::int32_t>(library_, {static_cast<std::int64_t>(values.size())}, values));
}

Tensor Graph::texts(const std::vector<std::string>& values, const std::string& name) {
  return operation("Const", name).type("dtype", DataType::kString).proto("value", attribute_of(values)).output();
}

Tensor Graph::constant(const Number& value, DataType dtype) {
  const std::optional<HostTensor> exact = value.as(library_, dtype);
  if (exact) return constant(*exact);
  const std::string what = name_of(dtype) + " cannot hold " + value.text() +
                           (is_floating(dtype) ? "; compute in a wider type" : "; cast the tensor first");
  throw OperationError("TensorFlow: " + what, "Const", scope_ + "Const", what);
}

void Graph::set_shape(const Tensor& tensor, const Shape& shape) {
  Status status(*library_);
  library_->TF_GraphSetTensorShape(graph_, tensor.output(), shape.data(), static_cast<int>(shape.size()), status);
  status.check("shape " + to_string(shape) + " for " + tensor.name());
}

void Graph::add_function(const Function& function) {
  Status status(*library_);
  library_->TF_GraphCopyFunction(graph_, function.get(), nullptr, status);
  status.check("adding a function");
}

std::vector<Function> Graph::functions() const {
  std::vector<TF_Function*> all(static_cast<std::size_t>(library_->TF_GraphNumFunctions(graph_)));
  Status status(*library_);
  library_->TF_GraphGetFunctions(graph_, all.data(), static_cast<int>(all.size()), status);
  status.check("functions of a graph");
  std::vector<Function> functions;
  for (TF_Function* function : all) functions.emplace_back(library_, function);
  return functions;
}

std::set<TF_Operation*> Graph::origins_of(const std::vector<Tensor>& tensors) const {
  std::set<TF_Operation*> found;
  std::vector<TF_Operation*> open;
  for (const Tensor& tensor : tensors) open.push_back(tensor.output().oper);
  while (!open.empty()) {
    TF_Operation* operation = open.back();
    open.pop_back();
    if (!found.insert(operation).second) continue;
    for (int i = 0; i < library_->TF_OperationNumInputs(operation); ++i) {
      open.push_back(library_->TF_OperationInput(TF_Input{operation, i}).oper);
    }
    std::vector<TF_Operation*> before(static_cast<std::size_t>(library_->TF_OperationNumControlInputs(operation)));
    library_->TF_OperationGetControlInputs(operation, before.data(), static_cast<int>(before.size()));
    open.insert(open.end(), before.begin(), before.end());
  }
  return found;
}

Function Graph::to_function(const std::string& name, const std::vector<Tensor>& inputs,
                            const std::vector<Tensor>& outputs, const std::vector<std::string>& output_names) const {
  std::vector<TF_Output> ins;
  std::vector<TF_Output> outs;
  std::vector<const char*> names;
  for (const Tensor& tensor : inputs) ins.push_back(tensor.output());
  for (const Tensor& tensor : outputs) outs.push_back(tensor.output());
  for (const std::string& output_name : output_names) names.push_back(output_name.c_str());
  std::set<TF_Operation*> needed = origins_of(outputs);
  for (const Tensor& tensor : inputs) needed.erase(tensor.output().oper);
  std::vector<const TF_Operation*> body;  // in the order in which they were made
  std::size_t position = 0;
  while (TF_Operation* operation = library_->TF_GraphNextOperation(graph_, &position)) {
    if (needed.contains(operation)) body.push_back(operation);
  }
  Status status(*library_);
  TF_Function* function =
      library_->TF_GraphToFunction(graph_, name.c_str(), /*append_hash_to_fn_name=*/0, static_cast<int>(body.size()),
                                   body.data(), static_cast<int>(ins.size()), ins.data(), static_cast<int>(outs.size()),
                                   outs.data(), names.data(), nullptr, nullptr, status);
  status.check("function " + name);
  return {library_, function};
}

std::string Graph::to_proto() const {
  Status status(*library_);
  Buffer buffer(*library_);
  library_->TF_GraphToGraphDef(graph_, buffer, status);
  status.check("writing the GraphDef");
  return buffer.text();
}

NameScope::NameScope(Graph* graph, const std::string& scope) : graph_(graph) {
  if (graph_ != nullptr) outer_ = std::exchange(graph_->scope_, scope.empty() ? "" : scope + "/");
}

NameScope::~NameScope() {
  if (graph_ != nullptr) graph_->scope_ = outer_;
}

}  // namespace crossload::tf

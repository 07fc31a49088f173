// Logging in to the Hub.
#include "crossload/hub.h"
#include "hub/api.h"
#include "hub/token.h"

namespace crossload {
namespace {

HubAccount account_of(hub::Http* http) {
  hub::Account account = hub::whoami(http);
  return {account.name, account.role, std::move(account.organizations), http->settings().endpoint};
}

}  // namespace

HubAccount login_to_hub(const std::string& token) {
  const hub::Settings settings = hub::Settings::from_environment();
  const hub::Token secret(token);
  hub::Http http(settings, secret);
  HubAccount account = account_of(&http);
  hub::store_token(settings, secret);
  return account;
}

bool logout_from_hub() { return hub::forget_token(hub::Settings::from_environment()); }

HubAccount whoami_on_hub() {
  const hub::Settings settings = hub::Settings::from_environment();
  hub::Http http(settings, hub::find_token(settings));
  return account_of(&http);
}

bool hub_token_is_in_environment() { return hub::token_is_in_environment(); }

}  // namespace crossload

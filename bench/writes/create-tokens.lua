-- Each request creates one Deployment token with a name of its own. Told: the Deployment, and a word no other run uses.
local deployment, run, count

function init(args)
  deployment, run, count = args[1], args[2], 0
end

function request()
  count = count + 1
  local body = string.format(
    '{"name":"%s %d","description":"","scope":"DEPLOYMENT","entityId":"%s","role":"DEPLOYMENT_ADMIN","tokenExpiryPeriodInDays":30}',
    run, count, deployment)
  return wrk.format("POST", nil, nil, body)
end

# List MCPs
curl -X GET https://api.plexmcp.com/v1/mcps \
  -H "Authorization: ApiKey YOUR_API_KEY"

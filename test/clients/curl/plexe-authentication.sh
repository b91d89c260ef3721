curl -X GET https://api.plexe.ai/models \
  -H "x-api-key: YOUR_API_KEY"
